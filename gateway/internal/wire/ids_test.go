// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"testing"
)

func TestWhatNamesAGateway(t *testing.T) {
	id := "gateway1" + strings.Repeat("a", 16)
	sessionID := id + strings.Repeat("-", SessionMACLength)
	for name, tt := range map[string]struct {
		room, want string
	}{
		"a socket's id":                              {id, id},
		"what a 2.x client takes for it":             {sessionID, sessionID},
		"the same in a namespace":                    {"/chat#" + sessionID, sessionID},
		"a socket's id behind a namespace":           {"/chat#" + id, ""},
		"a session's id behind what is no namespace": {"chat#" + sessionID, ""},
		"something in between":                       {id + "aaaa", ""},
		"a room of another kind":                     {strings.Repeat(" ", SocketIDLength), ""},
		"a room of a long name":                      {strings.Repeat("a", 41), ""},
		"a room without any name":                    {"", ""},
	} {
		gateway, named, ok := OwnerOfRoom(tt.room)
		if ok != (tt.want != "") || ok && (gateway != "gateway1" || named != tt.want) {
			t.Errorf("%s: gateway %q, id %q, %v", name, gateway, named, ok)
		}
	}
}
