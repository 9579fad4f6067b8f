// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"bytes"
	"testing"
)

func TestDoReturnsWhenTheFunctionHas(t *testing.T) {
	did := false
	Do(func() { did = true })
	if !did {
		t.Error("it has returned before")
	}
}

func TestAPanicIsTheCallers(t *testing.T) {
	defer func() {
		p, ok := recover().(*Panic)
		if !ok || p.Value != "why" || !bytes.Contains(p.Stack, []byte("TestAPanicIsTheCallers")) {
			t.Errorf("panicked with %+v", p)
		}
	}()
	Do(func() { panic("why") })
	t.Error("it has not panicked")
}
