// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
)

func goldenPackets() map[string]*packet {
	key := Key([]byte("sixteen bytes ..."[:16]))
	return map[string]*packet{
		"want": {from: "gateway1", want: true},
		"everything": {from: "gateway1", entries: []entry{
			{key: key, ids: []uint64{1, 1 << 63}, hasIDs: true},
			{key: key, hasIDs: true},
			{key: key, events: 300, bytes: 1 << 20},
		}},
	}
}

func TestPacketsOfThisReleaseAreReadAndWritten(t *testing.T) {
	packets := goldenPackets()
	samples := goldentest.Read(t, "testdata/wire/v1/packet.txt")
	if len(samples) != len(packets) {
		t.Errorf("%d golden samples, and %d are tested", len(samples), len(packets))
	}
	laterField := []byte{0xff, 0x01, 3, 1, 2, 3}
	for name, want := range packets {
		data := goldentest.Sample(t, samples, name)
		if got := want.encode(); len(got) != 1 || !bytes.Equal(got[0], data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		for rest, data := range map[string][]byte{"": data, ", and a later field": append(data, laterField...)} {
			got, err := decode(data)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(packet{}, entry{})); err != nil || d != "" {
				t.Errorf("%s%s: %v, packet (-want +got):\n%s", name, rest, err, d)
			}
		}
	}
	e, err := decodeEntry(append((&entry{events: 7}).encode(), laterField...))
	if err != nil || e.events != 7 {
		t.Errorf("an entry with a later field is read as %+v, %v", e, err)
	}
}

func TestWhatIsNoPacketIsRefused(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":                      "",
		"another version":              "\x02\x01\x01a",
		"of nobody":                    "\x01",
		"a key that is too short":      "\x01\x01\x01a\x03\x03\x01\x01k",
		"half a connection":            "\x01\x01\x01a\x03\x16\x01\x10sixteen bytes ..\x02\x02ab",
		"an entry that ends too early": "\x01\x01\x01a\x03\x02\x01\x10",
		"a field that ends too early":  "\x01\x01\x09a",
	} {
		if p, err := decode([]byte(data)); err == nil {
			t.Errorf("%s is read as %+v", name, p)
		}
	}
}

func FuzzPacket(f *testing.F) {
	for _, p := range goldenPackets() {
		f.Add(p.encode()[0])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decode(data)
		if err != nil {
			return
		}
		for _, e := range p.entries {
			if e.events < 0 || e.events > maxReported || e.bytes < 0 || e.bytes > maxReported {
				t.Fatalf("it is believed that %+v", e)
			}
		}
		var again []entry
		for _, part := range p.encode() {
			q, err := decode(part)
			if err != nil {
				t.Fatal(err)
			}
			again = append(again, q.entries...)
		}
		if d := cmp.Diff(p.entries, again, cmp.AllowUnexported(entry{})); d != "" {
			t.Fatal(d)
		}
	})
}
