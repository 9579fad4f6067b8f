// SPDX-License-Identifier: Apache-2.0

package service

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

const teams = `
  authentication:
  - {name: members, tokens: {secretRef: {name: members}}}
  limits: {maxRooms: 5}
  namespaces:
  - name: /
    authentication: [members]
    rooms:
    - {name: lobby, autoJoin: true}
    - name: "team-{team}"
      autoJoinRooms: "socket.claims.teams.map(t, 'team-' + t)"
      allow: {join: "room.params.team != 'secret'"}
    handlers:
    - {event: rooms, do: [{ack: "socket.rooms.filter(r, r != socket.id).sort()"}]}
`

func TestRoomsOfClaimsAreJoined(t *testing.T) {
	told := func(room, rule string) string {
		if room != "" {
			room = `"room":"` + room + `",`
		}
		return `42["forbidden",{` + room + `"code":"forbidden","rule":"rooms[1].` + rule + `"}]`
	}
	const rooms, connected = `4277["rooms"]`, `40{`
	for name, test := range map[string]struct {
		claims, in string
		told       []string
		failures   float64
	}{
		"some":                      {`{"teams":["red","blue"]}`, `["lobby","team-blue","team-red"]`, nil, 0},
		"none":                      {`{"teams":[]}`, `["lobby"]`, nil, 0},
		"one that is not allowed":   {`{"teams":["secret","red"]}`, `["lobby","team-red"]`, []string{told("team-secret", "allow.join")}, 0},
		"one that has no rule":      {`{"teams":["","red"]}`, `["lobby","team-red"]`, []string{told("team-", "autoJoinRooms")}, 0},
		"a claim that is missing":   {`{}`, `["lobby"]`, []string{told("", "autoJoinRooms")}, 1},
		"a claim of another type":   {`{"teams":[1]}`, `["lobby"]`, []string{told("", "autoJoinRooms")}, 1},
		"more than a client may be": {`{"teams":["1","2","3","4","5","6"]}`, `["lobby","team-1","team-2","team-3","team-4"]`, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, url := runtimeOf(t, members(t, teams, map[string]string{"one": `{"tokens":["token-of-the-first"],"claims":` + test.claims + `}`}))
			var log strings.Builder
			r.log = slog.New(slog.NewTextHandler(&log, nil))
			c, answer := enter(t, url, "token-of-the-first")
			if !strings.HasPrefix(answer, connected) {
				t.Fatalf("the client is told %s", answer)
			}
			c.Send(rooms)
			c.Expect(append(test.told, "4377"+test.in)...)
			if n := testutil.ToFloat64(r.failures.WithLabelValues("/")); n != test.failures {
				t.Errorf("%v failures, want %v", n, test.failures)
			}
			if logged := strings.Contains(log.String(), "does not join the rooms"); logged != (test.failures > 0) {
				t.Errorf("the log is %s", log.String())
			}
			refusals := 0.0
			for _, rule := range []string{"rooms[1].allow.join", "rooms[1].autoJoinRooms"} {
				refusals += testutil.ToFloat64(r.refusals.WithLabelValues("/", rule, "Enforce"))
			}
			if refusals != float64(len(test.told)) {
				t.Errorf("%v refusals are counted, and %d told", refusals, len(test.told))
			}
		})
	}
}
