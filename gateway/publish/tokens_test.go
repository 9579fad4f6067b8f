// SPDX-License-Identifier: Apache-2.0

package publish

import "testing"

func TestTokens(t *testing.T) {
	var none, empty, two tokens
	if n := empty.set([]byte("\n  \n")); n != 0 {
		t.Errorf("an empty file has %d tokens", n)
	}
	if n := two.set([]byte("old token\r\n\n new \n")); n != 2 {
		t.Errorf("two lines have %d tokens", n)
	}
	for _, tt := range []struct {
		name   string
		tokens *tokens
		header string
		want   bool
	}{
		{"the first", &two, "Bearer old token", true},
		{"the second", &two, "bearer  new", true},
		{"another", &two, "Bearer newer", false},
		{"a part of one", &two, "Bearer ne", false},
		{"both", &two, "Bearer old token\n new", false},
		{"none", &two, "", false},
		{"an empty one", &two, "Bearer ", false},
		{"another scheme", &two, "Basic new", false},
		{"an empty one of an empty file", &empty, "Bearer ", false},
		{"any of an empty file", &empty, "Bearer new", false},
		{"any before there is a file", &none, "Bearer new", false},
	} {
		if got := tt.tokens.allow(tt.header); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
