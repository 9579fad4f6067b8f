// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"strings"
	"testing"
)

// frameOf stands for a message.
type frameOf struct{ frame []byte }

func newText(data []byte) *frameOf { return &frameOf{append([]byte("\x81\x044"), data...)} }

func plainFrame(m *frameOf) []byte { return m.frame }

func TestJoin(t *testing.T) {
	short := func(s string) *frameOf { return newText([]byte(s)) }
	large := short(strings.Repeat("x", JoinedSize))
	half := short(strings.Repeat("y", JoinedSize/2))
	one, two := short("one"), short("two")
	for name, test := range map[string]struct {
		messages []*frameOf
		joined   int
	}{
		"one":                        {[]*frameOf{one}, 1},
		"several":                    {[]*frameOf{one, two, one}, 3},
		"a large one comes alone":    {[]*frameOf{large, one}, 1},
		"a large one is left":        {[]*frameOf{one, large, two}, 1},
		"no more than fits":          {[]*frameOf{half, one, half, two}, 2},
		"the same once more, so far": {[]*frameOf{half, one, half, one}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var j Joiner[*frameOf]
			for range 2 { // from what it remembers, the second time
				piece, n := j.Join(test.messages, plainFrame, true)
				var want []byte
				for _, m := range test.messages[:test.joined] {
					want = append(want, m.frame...)
				}
				if n != test.joined || !bytes.Equal(piece, want) {
					t.Errorf("joined %d messages in %d bytes, want %d in %d", n, len(piece), test.joined, len(want))
				}
			}
		})
	}
}

func TestJoinSharesAndForgets(t *testing.T) {
	one, two := newText([]byte("one")), newText([]byte("two"))
	var j Joiner[*frameOf]
	first, _ := j.Join([]*frameOf{one, two}, plainFrame, true)
	again, _ := j.Join([]*frameOf{one, two}, plainFrame, true)
	if &first[0] != &again[0] {
		t.Error("the same messages are joined anew")
	}
	upper := func(m *frameOf) []byte { return bytes.ToUpper(m.frame) }
	if own, _ := j.Join([]*frameOf{one, two}, upper, false); !bytes.Contains(own, []byte("ONE")) {
		t.Errorf("a connection with frames of its own got %q", own)
	}
	if piece, _ := j.Join([]*frameOf{one, two}, plainFrame, true); !bytes.Contains(piece, []byte("one")) {
		t.Errorf("then another one got %q", piece)
	}
}

func BenchmarkJoin(b *testing.B) {
	batch := make([]*frameOf, 8)
	for i := range batch {
		batch[i] = newText(bytes.Repeat([]byte("x"), 190))
	}
	var j Joiner[*frameOf]
	for name, same := range map[string]bool{"shared": true, "own": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				j.Join(batch, plainFrame, same)
			}
		})
	}
}
