// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"testing"
)

func TestSubjectTokensAreOneToken(t *testing.T) {
	seen := map[string]string{}
	for _, s := range []string{"", "a", "a.b", "*", ">", "a b", "大厅", "t", string(make([]byte, 96)), string(make([]byte, 97)), string(make([]byte, 98))} {
		tok := Token(s)
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

// Rooms are named by clients, and become subjects, unless they are the ids of sockets.
func FuzzRoomSubject(f *testing.F) {
	f.Add("lobby")
	f.Add("\x00user:a.b")
	f.Add("/ns#" + strings.Repeat("a", SessionIDLength))
	f.Fuzz(func(t *testing.T, room string) {
		s := NewSubjects("default/chat", "/")
		interest := strings.TrimSuffix(s.Interest(room), ".*") // of all sockets of a gateway
		for _, subject := range []string{s.Room(room), interest, s.Presence(room)} {
			if strings.ContainsAny(subject, " \t\r\n*>") || strings.Contains(subject, "..") || strings.HasSuffix(subject, ".") {
				t.Errorf("a subject of %q is %q", room, subject)
			}
		}
		gateway, id, ok := OwnerOfRoom(room)
		if ok && (len(gateway) != GatewayIDLength || !strings.HasSuffix(room, id)) {
			t.Errorf("%q is of %q, by %q", room, gateway, id)
		}
	})
}
