// SPDX-License-Identifier: Apache-2.0

package names_test

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/names"
)

func TestANamespaceIsMadeOnce(t *testing.T) {
	var r names.Registry[*string]
	told := 0
	r.OnAdd(func(n *string) {
		told++
		if *n != "first" {
			t.Errorf("told of %s", *n)
		}
	})
	for _, text := range []string{"first", "second"} {
		if n := r.Add("/a", func() *string { return &text }); *n != "first" {
			t.Errorf("there is %s", *n)
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestANewNamespaceOfANameIsNotForgottenForTheOldOne(t *testing.T) {
	var r names.Registry[*string]
	before, after := "before", "after"
	r.Add("/a", func() *string { return &before })
	if r.Remove("/a") != &before || r.Get("/a") != nil {
		t.Error("it has not been removed")
	}
	r.Add("/a", func() *string { return &after })
	if r.Forget("/a", &before); r.Get("/a") != &after {
		t.Error("the new one has been forgotten")
	}
	if r.Forget("/a", &after); len(r.All()) != 0 {
		t.Error("it has not been forgotten")
	}
	r.Add("/a", func() *string { return &after })
	if all := r.Clear(); len(all) != 1 || r.Get("/a") != nil {
		t.Errorf("cleared of %d, and one is left", len(all))
	}
}
