// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"strings"
	"testing"
)

func TestMembersOfParamsThatAreThere(t *testing.T) {
	for _, source := range []string{
		"room.params.team in socket.claims.teams", "room.params['team'] == 'a'", "has(room.params.tem)", "'tem' in room.params",
		"room.params[socket.user] == 'a'", "socket.claims.params.tem == 'a'", "socket.params.tem == 'a'", "room.params.all(k, k == 'tem')",
		"[{'params': {'tem': 'a'}}].all(room, room.params.team == 'a')",
	} {
		if err := CheckParams(Access, source, "room", []string{"team"}); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestMembersOfParamsThatAreNotThere(t *testing.T) {
	for source, want := range map[string]string{
		"room.params.tem in socket.claims.teams":     `column 12: room.params has no member "tem", but ["team"]`,
		"true || room.params['tem'] == 'a'":          `room.params has no member "tem"`,
		"socket.rooms.exists(r, r == room.params.t)": `room.params has no member "t"`,
	} {
		if err := CheckParams(Access, source, "room", []string{"team"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	if err := CheckParams(Access, "room.params.team == 'a'", "room", nil); err == nil || !strings.Contains(err.Error(), "and no other") {
		t.Error(err)
	}
}
