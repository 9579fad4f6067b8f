// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	short := func(s string) *Message { return NewText([]byte(s)) }
	large := short(strings.Repeat("x", joinedSize))
	half := short(strings.Repeat("y", joinedSize/2))
	one, two := short("one"), short("two")
	for name, test := range map[string]struct {
		messages []*Message
		joined   int
	}{
		"one":                        {[]*Message{one}, 1},
		"several":                    {[]*Message{one, two, one}, 3},
		"a large one comes alone":    {[]*Message{large, one}, 1},
		"a large one is left":        {[]*Message{one, large, two}, 1},
		"no more than fits":          {[]*Message{half, one, half, two}, 2},
		"the same once more, so far": {[]*Message{half, one, half, one}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var j joiner
			for range 2 { // from what it remembers, the second time
				piece, n := j.join(test.messages, plainFrame, true)
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
	one, two := NewText([]byte("one")), NewText([]byte("two"))
	var j joiner
	first, _ := j.join([]*Message{one, two}, plainFrame, true)
	again, _ := j.join([]*Message{one, two}, plainFrame, true)
	if &first[0] != &again[0] {
		t.Error("the same messages are joined anew")
	}
	upper := func(m *Message) []byte { return bytes.ToUpper(m.frame) }
	if own, _ := j.join([]*Message{one, two}, upper, false); !bytes.Contains(own, []byte("ONE")) {
		t.Errorf("a connection with frames of its own got %q", own)
	}
	if piece, _ := j.join([]*Message{one, two}, plainFrame, true); !bytes.Contains(piece, []byte("one")) {
		t.Errorf("then another one got %q", piece)
	}
}

func BenchmarkJoin(b *testing.B) {
	batch := make([]*Message, 8)
	for i := range batch {
		batch[i] = NewText(bytes.Repeat([]byte("x"), 190))
	}
	var j joiner
	for name, same := range map[string]bool{"shared": true, "own": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				j.join(batch, plainFrame, same)
			}
		})
	}
}
