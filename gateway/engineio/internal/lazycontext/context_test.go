// SPDX-License-Identifier: Apache-2.0

package lazycontext

import (
	"context"
	"testing"
)

type key struct{}

func TestContextHasItsValuesAndEnds(t *testing.T) {
	kept := &Context{Values: context.WithValue(context.Background(), key{}, "value")}
	for name, test := range map[string]struct {
		context *Context
		want    any
	}{"kept": {kept, "value"}, "zero": {&Context{}, nil}} {
		test.context.End() // of nobody yet
		ctx := test.context.Get()
		if ctx.Value(key{}) != test.want || ctx.Err() != nil {
			t.Errorf("%s: has %v, ended: %v", name, ctx.Value(key{}), ctx.Err())
		}
		if test.context.Get() != ctx {
			t.Errorf("%s: made twice", name)
		}
		test.context.End()
		if ctx.Err() == nil {
			t.Errorf("%s: does not end", name)
		}
	}
	(*Context)(nil).End()
}
