// SPDX-License-Identifier: Apache-2.0

package status

import "testing"

func TestShortened(t *testing.T) {
	for _, test := range []struct {
		text, want string
		limit      int
	}{
		{"short", "short", 5},
		{"longer", "lo…", 5},
		{"你好世界", "你…", 7},
		{"你好世界", "你好…", 9},
	} {
		if got := Shortened(test.text, test.limit); got != test.want || len(got) > test.limit {
			t.Errorf("Shortened(%q, %d) = %q", test.text, test.limit, got)
		}
	}
}
