// SPDX-License-Identifier: Apache-2.0

package expression

import "testing"

func TestWhatLasts(t *testing.T) {
	for source, want := range map[string]bool{
		"true":                           true,
		"socket.claims.role == 'writer'": true,
		"'a' in socket.claims.scopes && room.params.team == socket.user":                                         true,
		"has(socket.data.name) && socket.data.name == room.name":                                                 true,
		"socket.claims.teams.exists(t, t == room.name)":                                                          true,
		"socket.handshake.query['a'] == socket.params['b'] || socket.recovered || socket.id != socket.namespace": true,
		"socket.rooms.size() < 3":                                            false,
		"'lobby' in socket.rooms":                                            false,
		"has(socket.rooms)":                                                  false,
		"socket.claims.role == 'writer' && now > timestamp(0)":               false,
		"[now].exists(t, t > timestamp(0))":                                  false,
		"[socket].exists(s, 'a' in s.rooms)":                                 false,
		"dyn(socket).rooms.size() < 3":                                       false,
		"[socket.claims].exists(socket, socket.a)":                           false,
		"socket == socket":                                                   false,
		"size([1].map(x, x + socket.rooms.size())) > 0 && socket.user != ''": false,
	} {
		program, got, err := CompileLasting(Access, source)
		if err != nil || program == nil {
			t.Errorf("%s: %v", source, err)
		}
		if got != want {
			t.Errorf("%s lasts: %v, want %v", source, got, want)
		}
	}
	if _, _, err := CompileLasting(Access, "args[0]"); err == nil {
		t.Error("accepted: an expression with a variable that is not there")
	}
}

// Each field of sockets must be listed here, as lasting or not.
func TestFieldsOfSocketsLastOrNot(t *testing.T) {
	for field := range fields[SocketType.TypeName()] {
		_, lasting, err := CompileLasting(Access, "has(socket."+field+")")
		if err != nil {
			t.Error(err)
		}
		if want := field != "rooms"; lasting != want {
			t.Errorf("socket.%s lasts: %v, want %v", field, lasting, want)
		}
	}
}
