// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestMessageSurvivesTheWire(t *testing.T) {
	for _, want := range []Message{
		{Publisher: "p", Delivery: socketio.Delivery{Text: []byte(`2["e"]`)}},
		{Publisher: "p", DedupID: 1 << 40, Delivery: socketio.Delivery{
			Text: []byte(`52-["e"]`), Attachments: [][]byte{{1}, {}},
			Target: socketio.Target{Rooms: []string{"", "a"}, Except: []string{"大厅"}},
		}},
		{Publisher: "p", Delivery: socketio.Delivery{Text: []byte(`2["e"]`), Volatile: true}},
		{Publisher: "p", Delivery: socketio.Delivery{Text: []byte(`2["e"]`), Volatile: true, Uncompressed: true}},
	} {
		got, err := DecodeMessage(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got, cmp.AllowUnexported(Message{}), cmpopts.IgnoreUnexported(socketio.Delivery{})); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
	}
}

func TestMessagesThatAreBrokenAreErrors(t *testing.T) {
	whole := (&Message{Publisher: "p", Delivery: socketio.Delivery{Text: []byte("2"), Target: socketio.Target{Rooms: []string{"a"}}}}).Encode()
	for n := range len(whole) {
		if _, err := DecodeMessage(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a message", n, len(whole))
		}
	}
	for name, rest := range map[string][]byte{
		"an unknown flag":         {4},
		"a field without length":  {0, 9},
		"a field that ends early": {flagVolatile, 9, 2, 1},
	} {
		if _, err := DecodeMessage(append(slices.Clone(whole), rest...)); err == nil {
			t.Errorf("a message with %s is taken", name)
		}
	}
	whole[0]++
	if _, err := DecodeMessage(whole); err == nil {
		t.Error("a message of another version is taken")
	}
}

func FuzzMessage(f *testing.F) {
	f.Add((&Message{Publisher: "p", DedupID: 3, Delivery: socketio.Delivery{Text: []byte("2"), Target: socketio.Target{Rooms: []string{"a"}}, Attachments: [][]byte{{1}}}}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeMessage(data)
		if err != nil {
			return
		}
		again, err := DecodeMessage(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again, cmp.AllowUnexported(Message{}), cmpopts.IgnoreUnexported(socketio.Delivery{})); diff != "" {
			t.Errorf("message (-first +again):\n%s", diff)
		}
	})
}
