// SPDX-License-Identifier: Apache-2.0

package between

import "testing"

func TestReplaceLeavesTheRest(t *testing.T) {
	got, err := Replace([]byte("head<old>tail"), "<", ">", "new")
	if err != nil || string(got) != "head<new>tail" {
		t.Errorf("it is %q: %v", got, err)
	}
	for _, document := range []string{"head>tail", "head<tail", ">head<"} {
		if _, err := Replace([]byte(document), "<", ">", "new"); err == nil {
			t.Errorf("%q is taken without its marks", document)
		}
	}
}
