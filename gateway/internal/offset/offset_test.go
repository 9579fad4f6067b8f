// SPDX-License-Identifier: Apache-2.0

package offset

import (
	"math"
	"strings"
	"testing"
)

func TestOffset(t *testing.T) {
	for _, number := range []uint64{0, 1, 35, 36, math.MaxUint64} {
		text := string(Append(nil, "mark", number))
		if got := Parse("mark", text[1:len(text)-1]); got != number {
			t.Errorf("%d becomes %s, and that %d", number, text, got)
		}
	}
	if got := string(Append([]byte("1,2"), "mark", 36)); got != `1,2,"mark.10"` {
		t.Errorf("behind others: %s", got)
	}
}

func TestNoOffset(t *testing.T) {
	for _, text := range []string{"", "mark", "mark.", "mark.!", "other.1", ".1", "mark.1.2", "mark.-1", "mark.zzzzzzzzzzzzzzz"} {
		if got := Parse("mark", text); got != 0 {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("mark", "mark.10")
	f.Add("mark", "mark.")
	f.Fuzz(func(t *testing.T, mark, text string) {
		number := Parse(mark, text)
		if number == 0 {
			return
		}
		if of, _, _ := strings.Cut(text, "."); of != mark {
			t.Errorf("%q is of %q", text, mark)
		}
		again := string(Append(nil, mark, number))
		if n := Parse(mark, again[1:len(again)-1]); n != number {
			t.Errorf("%q is %d, and then %d", text, number, n)
		}
	})
}
