// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestMessageSurvivesTheWire(t *testing.T) {
	for _, want := range []message{
		{publisher: "p", delivery: socketio.Delivery{Text: []byte(`2["e"]`)}},
		{publisher: "p", copyOf: 1 << 40, delivery: socketio.Delivery{
			Text: []byte(`52-["e"]`), Attachments: [][]byte{{1}, {}},
			Target: socketio.Target{Rooms: []string{"", "a"}, Except: []string{"大厅"}},
		}},
		{publisher: "p", delivery: socketio.Delivery{Text: []byte(`2["e"]`), Volatile: true}},
		{publisher: "p", delivery: socketio.Delivery{Text: []byte(`2["e"]`), Volatile: true, Uncompressed: true}},
	} {
		got, err := decodeMessage(want.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got, cmp.AllowUnexported(message{}), cmpopts.IgnoreUnexported(socketio.Delivery{})); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
	}
}

func TestMessagesThatAreBrokenAreErrors(t *testing.T) {
	whole := (&message{publisher: "p", delivery: socketio.Delivery{Text: []byte("2"), Target: socketio.Target{Rooms: []string{"a"}}}}).encode()
	for n := range len(whole) {
		if _, err := decodeMessage(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a message", n, len(whole))
		}
	}
	for name, rest := range map[string][]byte{
		"an unknown flag":         {4},
		"a field without length":  {0, 9},
		"a field that ends early": {flagVolatile, 9, 2, 1},
	} {
		if _, err := decodeMessage(append(slices.Clone(whole), rest...)); err == nil {
			t.Errorf("a message with %s is taken", name)
		}
	}
	whole[0]++
	if _, err := decodeMessage(whole); err == nil {
		t.Error("a message of another version is taken")
	}
}

func FuzzMessage(f *testing.F) {
	f.Add((&message{publisher: "p", copyOf: 3, delivery: socketio.Delivery{Text: []byte("2"), Target: socketio.Target{Rooms: []string{"a"}}, Attachments: [][]byte{{1}}}}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMessage(data)
		if err != nil {
			return
		}
		again, err := decodeMessage(m.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again, cmp.AllowUnexported(message{}), cmpopts.IgnoreUnexported(socketio.Delivery{})); diff != "" {
			t.Errorf("message (-first +again):\n%s", diff)
		}
	})
}

func TestSubjectTokensAreOneToken(t *testing.T) {
	seen := map[string]string{}
	for _, s := range []string{"", "a", "a.b", "*", ">", "a b", "大厅", "t", string(make([]byte, 96)), string(make([]byte, 97)), string(make([]byte, 98))} {
		tok := token(s)
		for _, c := range tok {
			if c == '.' || c == '*' || c == '>' || c == ' ' || c > 126 {
				t.Errorf("token of %q is %q", s, tok)
			}
		}
		if tok == "" || len(tok) > 130 {
			t.Errorf("token of %q has %d characters", s, len(tok))
		}
		if other, ok := seen[tok]; ok {
			t.Errorf("%q and %q have the same token", s, other)
		}
		seen[tok] = s
	}
}
