// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
)

// laterField is a field of a later release, with a number that takes two bytes.
var laterField = []byte{0xff, 0x01, 3, 1, 2, 3}

func golden(t *testing.T, release string, samples int) map[string][]byte {
	t.Helper()
	all := goldentest.Read(t, "testdata/wire/"+release+"/peer.txt")
	if len(all) != samples {
		t.Fatalf("%d golden samples, and %d are tested", len(all), samples)
	}
	return all
}

func TestAnnouncementsOfThisReleaseAreReadAndWritten(t *testing.T) {
	fields := map[string]Fields{
		"everything": {Address: "10.0.0.1:7443", Revision: "5d4f", Leaving: true, Server: "NDJ2VYFQ", Deltas: true},
		"deltas":     {Address: "10.0.0.1:7443", Deltas: true},
	}
	samples := golden(t, "v1", len(fields))
	for name, f := range fields {
		want := Announcement{Alive, "gateway1", f}
		data := goldentest.Sample(t, samples, name)
		if got := want.Encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		got, err := Decode(data)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, announcement (-want +got):\n%s", name, err, diff)
		}
	}
}

// What a later release adds to the fields differs from what d35c2bb wrote, so that these are read
// alone.
func TestAnnouncementsOfTheFirstReleaseAreRead(t *testing.T) {
	fields := map[string]Fields{
		"nothing":    {},
		"address":    {Address: "[fd00::1]:7443"},
		"everything": {Address: "10.0.0.1:7443", Revision: "5d4f", Leaving: true},
	}
	samples := golden(t, "v0", len(fields))
	for name, f := range fields {
		want := Announcement{Alive, "gateway1", f}
		for rest, data := range map[string][]byte{
			"":                  goldentest.Sample(t, samples, name),
			", and a later one": append(goldentest.Sample(t, samples, name), laterField...),
		} {
			got, err := Decode(data)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s%s: %v, announcement (-want +got):\n%s", name, rest, err, diff)
			}
		}
	}
}

func TestAnnouncementsSurviveTheWireAndLeaveRoomForMore(t *testing.T) {
	for _, f := range []Fields{{}, {Address: "[fd00::1]:7443"}, {Revision: "5d4f", Leaving: true}} {
		want := Announcement{Hello, "gateway1", f}
		got, err := Decode(append(want.Encode(), 99, 3, 1, 2, 3)) // of a later release
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, announcement (-want +got):\n%s", err, diff)
		}
	}
	bare := len(Announcement{Alive, "gateway1", Fields{}}.Encode())
	whole := Announcement{Alive, "gateway1", Fields{Address: "a:1"}}.Encode()
	for n := range whole {
		if _, err := Decode(whole[:n]); err == nil && n != bare {
			t.Errorf("the first %d of %d bytes are taken", n, len(whole))
		}
	}
}

func FuzzAnnouncement(f *testing.F) {
	f.Add(Announcement{Alive, "gateway1", Fields{Address: "10.0.0.1:7443", Revision: "r", Leaving: true, Server: "s", Deltas: true}}.Encode())
	f.Add([]byte("agateway1\x09\x01x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Decode(first.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("announcement (-first +again):\n%s", diff)
		}
	})
}
