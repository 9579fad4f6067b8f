// SPDX-License-Identifier: Apache-2.0

package service

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// people is what a client knows of a room's members: their infos by id.
type people map[string]string

// member of an event or an answer.
type member struct {
	ID   string
	Info json.RawMessage
}

// hear reads events of presence until the client knows of these people.
func (p people) hear(t *testing.T, c *wiretest.Client, want people) {
	t.Helper()
	for range 50 {
		text := c.Receive()
		var e struct{ Members, Joined, Left, Updated []member }
		if _, raw, ok := strings.Cut(text, `["presence",`); !ok || json.Unmarshal([]byte(strings.TrimSuffix(raw, "]")), &e) != nil {
			t.Fatalf("received %s", text)
		}
		if e.Members != nil {
			clear(p)
		}
		for _, m := range append(append(e.Members, e.Joined...), e.Updated...) {
			p[m.ID] = string(m.Info)
		}
		for _, m := range e.Left {
			delete(p, m.ID)
		}
		if cmp.Equal(p, want) {
			return
		}
	}
	t.Fatalf("heard of %v, want %v", p, want)
}

func TestAutoJoinComesBeforeTheHandlers(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    rooms: [{name: lobby, autoJoin: true}, {name: 'x*'}, {name: hall, autoJoin: true}]
    handlers:
    - {event: connection, do: [{emit: {to: socket, event: rooms, args: "[['hall', 'lobby'].all(r, r in socket.rooms), size(socket.rooms)]"}}]}
    - {event: say, do: [{emit: {rooms: ["'lobby'"], event: said, args: args}}]}`)
	a := connect(t, url)
	a.Expect(`42["rooms",true,3]`)
	a.Send(`42["say",1]`)
	a.Expect(`42["said",1]`)
}

func TestTheFirstRuleHolds(t *testing.T) {
	p := program(t, "  - {name: /, rooms: [{name: team-a}, {name: 'team-*', presence: true}, {name: '*b1'}, {name: '*-log', presence: true}]}")
	ns := p.namespaces["/"]
	for room, want := range map[string]string{"team-a": "team-a", "team-b1": "team-*", "team-": "team-*", "a-log": "*-log", "other": ""} {
		got := ""
		if rule := ns.rule(room); rule != nil {
			got = rule.source.Name
		}
		if got != want {
			t.Errorf("%s holds for %s, want %s", got, room, want)
		}
	}
}

func TestPresenceShowsWhatTheManifestLetsIt(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    rooms:
    - {name: lobby, autoJoin: true, presence: true, presenceInfo: "{'name': socket.data.username, 'in': room.name}"}
    - {name: plain, presence: true}
    handlers:
    - {event: login, do: [{set: {username: "args[0]", secret: "args"}}]}
    - {event: plain, do: [{join: "'plain'"}, {leave: "'lobby'"}]}`)
	a, aID := wiretest.Connect(t, url, path, "/")
	known := people{}
	known.hear(t, a, people{aID: ""}) // the expression fails: there is no name yet
	a.Send(`42["login",{"b":1.0,"a":"<Ada>"}]`)
	known.hear(t, a, people{aID: `{"in":"lobby","name":{"b":1.0,"a":"<Ada>"}}`})
	a.Send(`42["login","Ada"]`)
	known.hear(t, a, people{aID: `{"in":"lobby","name":"Ada"}`})

	b, bID := wiretest.Connect(t, url, path, "/")
	b.Send(`42["login","Bob"]`)
	known.hear(t, a, people{aID: `{"in":"lobby","name":"Ada"}`, bID: `{"in":"lobby","name":"Bob"}`})
	b.Close()
	known.hear(t, a, people{aID: `{"in":"lobby","name":"Ada"}`})

	a.Send(`42["plain"]`)
	clear(known)
	known.hear(t, a, people{aID: ""})
}

func TestThePresenceActionAnswersPageByPage(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    rooms: [{name: 'p*', presence: true, presenceInfo: "{'n': socket.data.k}"}]
    handlers:
    - {event: enter, do: [{set: {k: "args[0]"}}, {join: "'pub'"}, {presence: {room: "'pub'", limit: 0}}]}
    - {event: who, do: [{presence: {room: "args[0]", limit: 2, after: "size(args) > 1 ? args[1] : ''"}}]}`)
	var ids []string
	for i := range 3 {
		c, id := wiretest.Connect(t, url, path, "/")
		ids = append(ids, id)
		c.Send(fmt.Sprintf(`421["enter",%d]`, i))
		if got, want := answer(t, c), fmt.Sprintf(`431[{"room":"pub","count":%d,"members":[]}]`, i+1); got != want {
			t.Errorf("answer %s, want %s", got, want)
		}
	}
	c := connect(t, url) // it is not in the room
	infos := map[string]string{}
	after := ""
	for range 2 {
		c.Send(`422["who","pub"` + after + `]`)
		var pages []struct {
			Count   int
			Members []member
			Next    string
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(answer(t, c), "432")), &pages); err != nil || pages[0].Count != 3 {
			t.Fatalf("%+v, %v", pages, err)
		}
		for _, m := range pages[0].Members {
			infos[m.ID] = string(m.Info)
		}
		after = `,"` + pages[0].Next + `"`
	}
	if d := cmp.Diff(map[string]string{ids[0]: `{"n":0}`, ids[1]: `{"n":1}`, ids[2]: `{"n":2}`}, infos); d != "" {
		t.Error(d)
	}
	if after != `,""` {
		t.Errorf("behind the last page comes %s", after)
	}
	c.Send(`423["who","secret"]`, `424["who",1]`, `425["who"]`)
	for _, id := range []string{"3", "4", "5"} {
		c.Expect(`43` + id + `[{"error":"the service could not handle the event"}]`)
	}
	c.Send(`42["who","pub"]`, `426["who","pa"]`) // nobody waits for the first
	c.Expect(`436[{"room":"pa","count":0,"members":[]}]`)
}

// answer is the next packet that is no event.
func answer(t *testing.T, c *wiretest.Client) string {
	t.Helper()
	for {
		if text := c.Receive(); !strings.HasPrefix(text, "42") {
			return text
		}
	}
}

func TestAReloadTurnsPresenceOnAndOff(t *testing.T) {
	rules := func(rules string) string {
		return `
  - name: /
    rooms: [` + rules + `]
    handlers:
    - {event: enter, do: [{join: "'r'"}, {emit: {to: socket, event: in}}]}
    - {event: set, do: [{set: {k: "args[0]"}}, {emit: {to: socket, event: done}}]}`
	}
	r, url := runtime(t, rules("{name: other, autoJoin: true, presence: true}, {name: r}"))
	a, aID := wiretest.Connect(t, url, path, "/")
	known := people{}
	known.hear(t, a, people{aID: ""})
	a.Receive() // her own coming
	a.Send(`42["enter"]`, `42["set",1]`)
	a.Expect(`42["in"]`, `42["done"]`)

	r.Apply(program(t, rules("{name: r, presence: true}, {name: new, autoJoin: true}")))
	clear(known)
	known.hear(t, a, people{aID: ""})
	r.Apply(program(t, rules("{name: '*', presence: true, presenceInfo: 'socket.data.k'}")))
	known.hear(t, a, people{aID: "1"})
	r.Apply(program(t, rules("{name: r}")))
	a.Send(`42["set",2]`)
	// Nothing but the answer: what was due before the last reload may come, but nothing of what is
	// set now.
	for text := a.Receive(); text != `42["done"]`; text = a.Receive() {
		if strings.Contains(text, `"info":2`) {
			t.Errorf("received %s", text)
		}
	}
	if rooms := len(r.io.Of("/").Sockets()[0].Rooms()); rooms != 3 {
		t.Errorf("it is in %d rooms: one that joins by itself is for new connections", rooms)
	}
}

func TestDynamicNamespacesHavePresence(t *testing.T) {
	p := specProgram(t, `
  namespaces: [{name: /}]
  dynamicNamespaces:
  - pattern: "/orders/(?P<id>[0-9]+)"
    rooms: [{name: desk, autoJoin: true, presence: true, presenceInfo: "socket.params.id"}]`)
	r, url := runtimeOf(t, p)
	a, aID := wiretest.Connect(t, url, path, "/orders/7")
	people{}.hear(t, a, people{aID: `"7"`})
	// Children are made before a reload, and live through it.
	r.Apply(specProgram(t, `
  namespaces: [{name: /}]
  dynamicNamespaces:
  - pattern: "/orders/(?P<id>[0-9]+)"
    rooms: [{name: desk, presence: true, presenceInfo: "'order ' + socket.params.id"}]`))
	people{aID: `"7"`}.hear(t, a, people{aID: `"order 7"`})
}
