// SPDX-License-Identifier: Apache-2.0

package service

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// guarded lets the members of a team do all, those of others nothing.
const guarded = `
  - name: /
    rooms:
    - {name: lobby, autoJoin: true}
    - {name: staff, autoJoin: true, allow: {join: "socket.data.team != ''"}}
    - name: "team-{team}"
      presence: true
      allow:
        join: "room.params.team in [socket.data.team, 'open']"
        leave: "room.params.team != 'open'"
        emit: "room.params.team == socket.data.team"
        presence: "room.params.team == socket.data.team"
    handlers:
    - {event: iam, do: [{set: {team: "args[0]"}}, {ack: "[]"}]}
    - {event: enter, do: [{join: "args[0]"}, {ack: "['in']"}]}
    - {event: exit, do: [{leave: "args[0]"}, {ack: "['out']"}]}
    - {event: say, do: [{emit: {rooms: ["args[0]"], event: said, args: "[args[1]]"}}, {ack: "['sent']"}]}
    - {event: who, do: [{presence: {room: "args[0]"}}]}
    - {event: id, do: [{ack: "[socket.id]"}]}
    - {event: rooms, do: [{ack: "socket.rooms.filter(r, r != socket.id)"}]}
`

func TestRulesOfRooms(t *testing.T) {
	const mine, others = "team-red", "team-blue"
	forbidden := func(access string) string {
		return `[{"error":{"code":"forbidden","rule":"rooms[2].allow.` + access + `"}}]`
	}
	for name, test := range map[string]struct{ before, event, want string }{
		"join":           {"", `["enter","` + mine + `"]`, `["in"]`},
		"join, not":      {"", `["enter","` + others + `"]`, forbidden("join")},
		"join, one not":  {"", `["enter",["` + mine + `","` + others + `"]]`, forbidden("join")},
		"join, no rule":  {"", `["enter","somewhere"]`, `["in"]`},
		"leave":          {mine, `["exit","` + mine + `"]`, `["out"]`},
		"leave, not":     {"team-open", `["exit","team-open"]`, forbidden("leave")},
		"leave, one not": {"team-open", `["exit",["` + mine + `","team-open"]]`, forbidden("leave")},
		"emit":           {mine, `["say","` + mine + `",1]`, `["sent"]`},
		"emit, not":      {mine, `["say","` + others + `",1]`, forbidden("emit")},
		"emit, one not":  {mine, `["say",["` + mine + `","` + others + `"],1]`, forbidden("emit")},
		"emit, no rule":  {"", `["say",["lobby"],1]`, `["sent"]`},
		"presence":       {"", `["who","` + mine + `"]`, `[{"room":"` + mine + `","count":0,"members":[]}]`},
		"presence, not":  {"", `["who","` + others + `"]`, forbidden("presence")},
	} {
		t.Run(name, func(t *testing.T) {
			r, url := runtime(t, guarded)
			c := connect(t, url)
			ask(t, c, `["iam","red"]`, `[]`)
			if test.before != "" {
				ask(t, c, `["enter","`+test.before+`"]`, `["in"]`)
			}
			rooms := askFor(t, c, `["rooms"]`)
			ask(t, c, test.event, test.want)
			refused := strings.Contains(test.want, "forbidden")
			if now := askFor(t, c, `["rooms"]`); refused && now != rooms {
				t.Errorf("it was refused, and the rooms are %s instead of %s", now, rooms)
			}
			got := 0.0
			for _, access := range []string{"join", "leave", "emit", "history", "presence"} {
				got += testutil.ToFloat64(r.refusals.WithLabelValues("/", "rooms[2].allow."+access, "Enforce"))
			}
			if got > 0 != refused {
				t.Errorf("%v refusals are counted", got)
			}
			if n := testutil.ToFloat64(r.failures.WithLabelValues("/")); n != 0 {
				t.Errorf("%v handlers have failed", n)
			}
		})
	}
}

// ask sends an event and wants an acknowledgement; other events may come before it.
func ask(t *testing.T, c *wiretest.Client, event, want string) {
	t.Helper()
	if got := askFor(t, c, event); got != want {
		t.Errorf("%s is answered %s, want %s", event, got, want)
	}
}

func idOf(t *testing.T, c *wiretest.Client) string {
	t.Helper()
	return strings.Trim(askFor(t, c, `["id"]`), `[]"`)
}

func askFor(t *testing.T, c *wiretest.Client, event string) string {
	t.Helper()
	c.Send("4277" + event)
	for {
		if answer, ok := strings.CutPrefix(c.Receive(), "4377"); ok {
			return answer
		}
	}
}

func TestNothingGetsAroundARuleForJoining(t *testing.T) {
	r, url := runtime(t, guarded)
	c := connect(t, url)
	ask(t, c, `["rooms"]`, `["lobby"]`) // autoJoin, where the rule fails
	if err := r.io.SocketsJoin(t.Context(), "staff"); err != nil {
		t.Fatal(err)
	}
	ask(t, c, `["rooms"]`, `["lobby"]`)
	ask(t, c, `["iam","red"]`, `[]`)
	if err := r.io.SocketsJoin(t.Context(), "staff"); err != nil {
		t.Fatal(err)
	}
	ask(t, c, `["enter","staff"]`, `["in"]`)
	if n := testutil.ToFloat64(r.refusals.WithLabelValues("/", "rooms[1].allow.join", "Enforce")); n != 2 {
		t.Errorf("%v refusals", n)
	}
}

func TestAnAuditRefusesNothing(t *testing.T) {
	r, url := runtime(t, strings.ReplaceAll(guarded, "allow:\n", "allow:\n        mode: Audit\n"))
	c := connect(t, url)
	ask(t, c, `["iam","red"]`, `[]`)
	ask(t, c, `["enter","team-blue"]`, `["in"]`)
	ask(t, c, `["say","team-blue",1]`, `["sent"]`)
	for rule, want := range map[string]float64{"join": 1, "emit": 1, "leave": 0} {
		if n := testutil.ToFloat64(r.refusals.WithLabelValues("/", "rooms[2].allow."+rule, "Audit")); n != want {
			t.Errorf("%v times %s would have been refused, want %v", n, rule, want)
		}
	}
}

// Who may be in a room without seeing the others is seen by them.
func TestWhoMayNotSeeOthersIsNotToldOfThem(t *testing.T) {
	_, url := runtime(t, guarded)
	guest := connect(t, url)
	ask(t, guest, `["iam","blue"]`, `[]`)
	ask(t, guest, `["enter","team-open"]`, `["in"]`)
	member := connect(t, url)
	ask(t, member, `["iam","open"]`, `[]`)
	ask(t, member, `["enter","team-open"]`, `["in"]`)
	all := people{idOf(t, guest): "", idOf(t, member): ""}
	people{}.hear(t, member, all)
	guest.Send(`4277["rooms"]`)
	if got := guest.Receive(); !strings.HasPrefix(got, "4377") {
		t.Errorf("the guest is told %s", got)
	}

	// From now on it may.
	ask(t, guest, `["iam","open"]`, `[]`)
	people{}.hear(t, guest, all)
}

func TestAChangedRulePutsOutWhoMayNotStay(t *testing.T) {
	r, url := runtime(t, guarded)
	c := connect(t, url)
	ask(t, c, `["iam","red"]`, `[]`)
	ask(t, c, `["enter",["team-red","team-open"]]`, `["in"]`)
	r.Apply(program(t, strings.Replace(guarded, "[socket.data.team, 'open']", "['open']", 1)))
	for {
		if got := c.Receive(); strings.HasPrefix(got, `42["forbidden"`) {
			if want := `42["forbidden",{"room":"team-red","code":"forbidden","rule":"rooms[2].allow.join"}]`; got != want {
				t.Errorf("the client is told %s, want %s", got, want)
			}
			break
		}
	}
	ask(t, c, `["enter","team-red"]`, `[{"error":{"code":"forbidden","rule":"rooms[2].allow.join"}}]`)
	if got := askFor(t, c, `["rooms"]`); strings.Contains(got, "team-red") || !strings.Contains(got, "team-open") {
		t.Errorf("the client is in %s", got)
	}
}
