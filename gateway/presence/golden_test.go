// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
)

func goldenPackets() map[string]*packet {
	return map[string]*packet{
		"word":          {kind: kindAnnouncement, room: "r", from: "gateway1", seq: 1 << 40, count: 3, entries: []entry{}},
		"want words":    {kind: kindAnnouncement, room: "", from: "gateway1", want: wantAnnouncement, entries: []entry{}},
		"want snapshot": {kind: kindAnnouncement, room: "r", from: "gateway1", want: wantSnapshot, to: "gateway2", entries: []entry{}},
		"delta": {kind: kindDelta, room: "大厅", from: "gateway1", seq: 8, prev: 7, entries: []entry{
			{joined, Member{ID: "a", Info: []byte(`{"n":"Ada"}`)}}, {left, Member{ID: "b"}}, {updated, Member{ID: "c"}},
		}},
		"snapshot": {kind: kindSnapshot, room: "r", from: "gateway1", seq: 8, part: 300, entries: []entry{{0, Member{ID: "a"}}}},
		"its last": {kind: kindSnapshot, room: "r", from: "gateway1", seq: 8, part: 301, last: true, entries: []entry{}},
	}
}

func TestPacketsOfTheFirstReleaseAreReadAndWritten(t *testing.T) {
	packets := goldenPackets()
	samples := goldentest.Read(t, "testdata/wire/v0/packet.txt")
	if len(samples) != len(packets) {
		t.Errorf("%d golden samples, and %d are tested", len(samples), len(packets))
	}
	laterField := []byte{0xff, 0x01, 3, 1, 2, 3}
	for name, want := range packets {
		data := goldentest.Sample(t, samples, name)
		if got := want.encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		for rest, data := range map[string][]byte{"": data, ", and a later field": append(data, laterField...)} {
			got, err := decode(data)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(packet{}, entry{})); err != nil || d != "" {
				t.Errorf("%s%s: %v, packet (-want +got):\n%s", name, rest, err, d)
			}
		}
	}
}
