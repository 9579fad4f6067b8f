// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func samplePackets() []*packet {
	return []*packet{
		{kind: kindAnnouncement, room: "", from: "gateway1", seq: 1 << 40, count: 3, want: wantSnapshot, to: "gateway2", entries: []entry{}},
		{kind: kindDelta, room: "大厅", from: "gateway1", seq: 8, prev: 7, entries: []entry{
			{joined, Member{ID: "a", Info: []byte(`{"n":"Ada"}`)}}, {left, Member{ID: "b"}}, {updated, Member{ID: "c"}},
		}},
		{kind: kindSnapshot, room: "r", from: "gateway1", seq: 8, part: 300, last: true, entries: []entry{}},
	}
}

func TestPacketsSurviveTheWire(t *testing.T) {
	for _, p := range samplePackets() {
		got, err := decode(p.encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, got, cmp.AllowUnexported(packet{}, entry{})); d != "" {
			t.Error(d)
		}
	}
}

func TestCutPacketsAreErrors(t *testing.T) {
	for _, p := range samplePackets() {
		whole := p.encode()
		for n := range whole {
			if _, err := decode(whole[:n]); err == nil {
				t.Errorf("the first %d of %d bytes are taken", n, len(whole))
			}
		}
		if _, err := decode(append(whole, 9, 2, 1)); err == nil {
			t.Error("a field that ends early is taken")
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, p := range samplePackets() {
		f.Add(p.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := decode(data); err == nil {
			if _, err := decode(p.encode()); err != nil {
				t.Errorf("what was read cannot be read again: %v", err)
			}
		}
	})
}

func TestChunksAreBounded(t *testing.T) {
	var entries []entry
	for range 10_000 {
		entries = append(entries, entry{joined, Member{ID: strings.Repeat("x", 24), Info: []byte(strings.Repeat("y", 40))}})
	}
	total := 0
	for _, some := range chunks(entries) {
		total += len(some)
		if n := len((&packet{kind: kindDelta, entries: some}).encode()); n > chunkBytes+100 {
			t.Errorf("a packet of %d bytes", n)
		}
	}
	if total != len(entries) {
		t.Errorf("%d entries", total)
	}
	if n := len(chunks(nil)); n != 1 {
		t.Errorf("%d chunks of nothing", n)
	}
}

func TestWhatIsNotedInOneBatch(t *testing.T) {
	for _, tt := range []struct {
		name  string
		noted []change
		want  change // 0: nothing
	}{
		{"who comes and goes has not been there", []change{joined, left}, 0},
		{"who comes and changes has come", []change{joined, updated}, joined},
		{"who goes and comes has changed", []change{left, joined}, updated},
		{"who changes and goes has gone", []change{updated, left}, left},
		{"who comes, goes and comes has come", []change{joined, left, joined}, joined},
		{"who goes, comes and goes has gone", []change{left, joined, left}, left},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := changes{}
			for _, what := range tt.noted {
				c.note(what, &member{Member: Member{ID: "a"}})
			}
			if got := c["a"].change; got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}
