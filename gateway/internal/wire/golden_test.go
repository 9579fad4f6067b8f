// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var compareMessages = cmp.Options{cmpopts.IgnoreUnexported(socketio.Delivery{}), cmpopts.EquateEmpty()}

func goldenMessages() map[string]Message {
	packet := []byte(`2["said","hello"]`)
	return map[string]Message{
		"namespace": {Publisher: "gateway1", Delivery: socketio.Delivery{Text: packet}},
		"rooms": {Publisher: "gateway1", DedupID: 1 << 40, Delivery: socketio.Delivery{
			Text: packet, Target: socketio.Target{Rooms: []string{"", "a.b", "大厅"}, Except: []string{"c"}},
		}},
		"attachments": {Publisher: "gateway1", Delivery: socketio.Delivery{
			Text:        []byte(`52-["said",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`),
			Attachments: [][]byte{{0, 1, 255}, {}}, Target: socketio.Target{Rooms: []string{"a"}},
		}},
		"volatile":              {Publisher: "gateway1", Delivery: socketio.Delivery{Text: packet, Volatile: true}},
		"uncompressed":          {Publisher: "gateway1", Delivery: socketio.Delivery{Text: packet, Uncompressed: true}},
		"volatile uncompressed": {Publisher: "gateway1", Delivery: socketio.Delivery{Text: packet, Volatile: true, Uncompressed: true}},
	}
}

func TestMessagesOfTheFirstReleaseAreReadAndWritten(t *testing.T) {
	messages := goldenMessages()
	samples := goldentest.Read(t, "testdata/wire/v0/message.txt")
	if len(samples) != len(messages) {
		t.Fatalf("%d golden samples, and %d are tested", len(samples), len(messages))
	}
	for name, want := range messages {
		data := goldentest.Sample(t, samples, name)
		if got := want.Encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		got, err := DecodeMessage(data)
		if diff := cmp.Diff(&want, got, compareMessages); err != nil || diff != "" {
			t.Errorf("%s: %v, message (-want +got):\n%s", name, err, diff)
		}
	}
}

// laterField is a field of a later release, with a number that takes two bytes.
var laterField = []byte{0xff, 0x01, 3, 1, 2, 3}

// A release that adds flags has a flags byte in front of its fields, be it 0.
func TestFieldsOfALaterReleaseAreIgnored(t *testing.T) {
	for name, want := range goldenMessages() {
		data := want.Encode()
		if flagsOf(&want.Delivery) == 0 {
			data = append(data, 0)
		}
		got, err := DecodeMessage(append(data, laterField...))
		if diff := cmp.Diff(&want, got, compareMessages); err != nil || diff != "" {
			t.Errorf("%s: %v, message (-want +got):\n%s", name, err, diff)
		}
	}
}

// To a gateway of a release before users had rooms, "\x00user:…" is a room like any other: its
// clients can be in it, and send to it. What it writes of that room is of a different one here, as
// what is written for users is of one there that nobody can name.
func TestRoomsOfUsersAreOthersToEarlierReleases(t *testing.T) {
	const here, there = "\x00user:-hash-", "\xffuser:-hash-"
	want := Message{Publisher: "gateway1", Delivery: socketio.Delivery{
		Text: []byte(`2["paid"]`), Target: socketio.Target{Rooms: []string{"hall", here}, Except: []string{here}},
	}}
	samples := goldentest.Read(t, "testdata/wire/v1/message.txt")
	if len(samples) != 2 {
		t.Fatalf("%d golden samples, and 2 are tested", len(samples))
	}
	data := goldentest.Sample(t, samples, "user")
	if got := want.Encode(); !bytes.Equal(got, data) {
		t.Errorf("written as %q, want %q", got, data)
	}
	got, err := DecodeMessage(data)
	if diff := cmp.Diff(&want, got, compareMessages); err != nil || diff != "" {
		t.Errorf("%v, message (-want +got):\n%s", err, diff)
	}
	want.Delivery.Rooms[1], want.Delivery.Except[0] = there, there
	got, err = DecodeMessage(goldentest.Sample(t, samples, "room of an earlier release"))
	if diff := cmp.Diff(&want, got, compareMessages); err != nil || diff != "" {
		t.Errorf("%v, message (-want +got):\n%s", err, diff)
	}
}

// A gateway of such a release subscribes to the subjects of its clients' rooms, whatever their
// names.
func TestSubjectsOfUsersAreThoseOfNoRoom(t *testing.T) {
	s := NewSubjects("default/chat", "/")
	const want = "rts.tZGVmYXVsdC9jaGF0.tLw.user.tLWhhc2gt"
	for _, got := range []string{s.Room("\x00user:-hash-"), s.Interest("\x00user:-hash-")} {
		if got != want {
			t.Errorf("the subject is %s, want %s", got, want)
		}
	}
	for _, room := range []string{"\xffuser:-hash-", "user:-hash-", "\x00", "\x00user"} {
		if got := s.Room(room); got != "rts.tZGVmYXVsdC9jaGF0.tLw.room."+Token(room) {
			t.Errorf("the subject of %q is %s", room, got)
		}
	}
}
