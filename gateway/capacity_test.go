// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const seats = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: seats}
spec:
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - {name: "table-{n}", capacity: 3}
    - {name: "trial-{n}", capacity: 1, allow: {mode: Audit}}
    handlers:
    - {event: join, do: [{join: "args[0]"}, {ack: "['in', socket.recovered]"}]}
    - {event: leave, do: [{leave: "args[0]"}, {ack: "['out']"}]}
    - {event: say, do: [{emit: {rooms: ["args[0]"], event: said, args: "[args[1]]"}}, {ack: "[]"}]}
    - {event: last, do: [{emit: {to: socket, event: last}}, {ack: "[]"}]}
    - {event: rooms, do: [{ack: "[socket.rooms.filter(r, r != socket.id).sort()]"}]}
  - name: /lobby
    rooms:
    - {name: lobby, capacity: 1, autoJoin: true}
    handlers:
    - {event: rooms, do: [{ack: "[socket.rooms.filter(r, r != socket.id)]"}]}
`

const (
	seated  = `["in",false]`
	noSeat  = `[{"error":{"code":"room_full","rule":"rooms[0].capacity"}}]`
	noLobby = `42/lobby,["forbidden",{"room":"lobby","code":"room_full","rule":"rooms[0].capacity"}]`
)

// askClient asks, and returns the acknowledgement.
func askClient(c *wiretest.Client, event string) string {
	c.Send("421" + event)
	for {
		if got, ok := strings.CutPrefix(c.Receive(), "431"); ok {
			return got
		}
	}
}

func expectAnswer(t *testing.T, c *wiretest.Client, event, want string) {
	t.Helper()
	if got := askClient(c, event); got != want {
		t.Errorf("%s is answered %s, want %s", event, got, want)
	}
}

func comers(t *testing.T, n int, gateways ...*pod) []*wiretest.Client {
	t.Helper()
	all := make([]*wiretest.Client, n)
	for i := range all {
		all[i] = wiretest.Dial(t, gateways[i%len(gateways)].clients, enginePath, "", nil)
		welcomed(t, all[i], "")
	}
	return all
}

// Clients of two gateways who want the same places at once, again and again.
func TestNoRoomHasMoreMembersThanItsCapacity(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, seats)
	clients := comers(t, 8, a, b)
	for round := range 10 {
		room := fmt.Sprintf(`"table-%d"`, round)
		for _, c := range clients {
			c.Send(`421["join",` + room + `]`)
		}
		var in []*wiretest.Client
		for _, c := range clients {
			switch got := c.Receive(); got {
			case "431" + seated:
				in = append(in, c)
			case "431" + noSeat:
			default:
				t.Errorf("a client is told %s", got)
			}
		}
		if len(in) != 3 {
			t.Fatalf("%d are in, and the room has 3 places", len(in))
		}
		// A place that becomes free can be taken, from any gateway.
		expectAnswer(t, in[0], `["leave",`+room+`]`, `["out"]`)
		other := clients[slices.IndexFunc(clients, func(c *wiretest.Client) bool { return !slices.Contains(in, c) })]
		for askClient(other, `["join",`+room+`]`) != seated { // the record of the leave may be on its way
			continue
		}
	}
}

func TestACapacityHoldsOnEveryWayIn(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, seats)
	clients := comers(t, 4, a, b)
	expectAnswer(t, clients[0], `["join",["table-2","table-3"]]`, seated)
	for _, c := range clients[1:3] {
		expectAnswer(t, c, `["join","table-3"]`, seated)
	}
	// All or none: the place in the other room is given back.
	expectAnswer(t, clients[3], `["join",["table-2","table-3"]]`, noSeat)
	for _, c := range clients[1:3] {
		for askClient(c, `["join","table-2"]`) != seated {
			continue
		}
	}
	expectAnswer(t, clients[3], `["join","table-2"]`, noSeat)

	// An audit refuses nothing.
	for _, c := range clients {
		expectAnswer(t, c, `["join","trial-1"]`, seated)
	}

	first, second := clients[0], clients[1]
	first.Join("/lobby")
	first.Send(`42/lobby,1["rooms"]`) // is handled when the room is joined
	first.Expect(`43/lobby,1[["lobby"]]`)
	second.Join("/lobby")
	if got := withoutOffset(t, second.Receive()); got != noLobby {
		t.Errorf("the client is told %s", got)
	}
	second.Send(`42/lobby,1["rooms"]`)
	second.Expect(`43/lobby,1[[]]`)
}

// The place of a client that has lost its connection waits for it, and for nobody else.
func TestAPlaceWaitsForItsClient(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, seats)
	ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
	_, pid := welcomed(t, ada, "")
	others := comers(t, 3, a, b)
	for _, c := range []*wiretest.Client{ada, others[0], others[1]} {
		expectAnswer(t, c, `["join","table-1"]`, seated)
	}
	ada.Send(`421["last"]`)
	offset := offsetOf(t, ada.Receive())
	ada.Expect(`431[]`)
	ada.Close()
	for range 20 {
		expectAnswer(t, others[2], `["join","table-1"]`, noSeat)
	}
	back := arrival(t, b.clients, map[string]any{"pid": pid, "offset": offset})
	back.Receive()
	expectAnswer(t, back, `["rooms"]`, `[["table-1"]]`)
	expectAnswer(t, others[2], `["join","table-1"]`, noSeat)

	// Who leaves for good gives the place up.
	back.Send("41")
	for askClient(others[2], `["join","table-1"]`) != seated {
		continue
	}
}

// What a room that was left is still asked about is not a place in it.
func TestAClientThatComesBackTakesNoPlaceInARoomThatItHasLeft(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, seats)
	ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
	_, pid := welcomed(t, ada, "")
	others := comers(t, 3, a)
	rooms := []string{`"table-1"`, `"table-2"`, `"table-3"`, `"table-4"`}
	for _, room := range rooms {
		for _, c := range []*wiretest.Client{others[0], others[1], ada} {
			expectAnswer(t, c, `["join",`+room+`]`, seated)
		}
		expectAnswer(t, ada, `["leave",`+room+`]`, `["out"]`)
	}
	ada.Close()
	back := arrival(t, b.clients, map[string]any{"pid": pid, "offset": ""})
	back.Receive()
	expectAnswer(t, back, `["rooms"]`, `[[]]`)
	expectAnswer(t, back, `["join","table-5"]`, `["in",true]`)
	for _, room := range rooms {
		expectAnswer(t, others[2], `["join",`+room+`]`, seated)
	}
}

func TestWhatWasMissedInARoomThatIsFullNowIsNotLost(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, seats)
	ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
	_, pid := welcomed(t, ada, "")
	others := comers(t, 3, a)
	expectAnswer(t, ada, `["join","table-1"]`, seated)
	ada.Send(`421["last"]`)
	offset := offsetOf(t, ada.Receive())
	ada.Expect(`431[]`)
	expectAnswer(t, others[0], `["say","table-1","hello"]`, `[]`)
	if got := withoutOffset(t, ada.Receive()); got != `42["said","hello"]` { // and has gone before that
		t.Fatalf("the member received %s", got)
	}
	expectAnswer(t, ada, `["leave","table-1"]`, `["out"]`)
	for _, c := range others {
		expectAnswer(t, c, `["join","table-1"]`, seated)
	}
	ada.Close()
	back := arrival(t, b.clients, map[string]any{"pid": pid, "offset": offset})
	back.Receive()
	if got := withoutOffset(t, back.Receive()); got != `42["said","hello"]` {
		t.Errorf("the client that is back received %s", got)
	}
	expectAnswer(t, back, `["join","table-1"]`, noSeat)
}

func TestAskingWhetherASocketMayJoinTakesNoPlace(t *testing.T) {
	leakCheck(t)
	g, url := gatewayOf(t, natstest.StartJetStream(t).ClientURL(), seats, "seats")
	ada := wiretest.Dial(t, url, enginePath, "", nil)
	sid, _ := welcomed(t, ada, "")
	others := comers(t, 3, &pod{clients: url})
	for _, c := range others {
		if err := g.Runtime().Judge(g.Runtime().Socket("/", sid), "join", "table-1"); err != nil {
			t.Errorf("a room with a place: %v", err)
		}
		expectAnswer(t, c, `["join","table-1"]`, seated)
	}
	err := g.Runtime().Judge(g.Runtime().Socket("/", sid), "join", "table-1")
	if err == nil || err.Error() != "room_full, by rooms[0].capacity" {
		t.Errorf("a full room: %v", err)
	}
}

const games = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: games}
spec:
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - {name: game-secret, capacity: 4, allow: {join: "false"}}
    - {name: "game-{n}", capacity: 2}
    handlers:
    - event: play
      do:
      - joinOneOf: {rooms: "args[0]"}
      - ack: "[joined]"
    - event: fill
      do:
      - joinOneOf: {rooms: "args[0]", prefer: MostFull}
      - ack: "[joined]"
    - event: first
      do:
      - joinOneOf: {rooms: "args[0]", prefer: Listed}
      - ack: "[joined]"
    - {event: join, do: [{join: "args[0]"}, {ack: "[]"}]}
    - {event: leave, do: [{leave: "args[0]"}, {ack: "[]"}]}
    - {event: count, do: [{count: "args[0]"}, {ack: "[counts]"}]}
    - {event: least, do: [{count: "args[0]"}, {join: "args[0].sortBy(r, counts[r])[0]"}, {ack: "[args[0].sortBy(r, counts[r])[0]]"}]}
    - {event: skipped, do: [{when: "false", joinOneOf: {rooms: "args[0]"}}, {when: "false", count: "args[0]"}, {ack: "[joined, counts]"}]}
`

// Clients of two gateways who want to play at once all find a place, or are told that there is
// none.
func TestEverybodyFindsARoomWhileThereIsAPlace(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, games)
	clients := comers(t, 8, a, b)
	for round, event := range []string{"play", "fill", "first", "play", "fill"} {
		rooms := fmt.Sprintf(`["game-secret","game-%d1","game-%[1]d2","game-%[1]d3"]`, round)
		for _, c := range clients {
			c.Send(`421["` + event + `",` + rooms + `]`)
		}
		in := map[string]int{}
		for _, c := range clients {
			in[c.Receive()]++
		}
		for i := range 3 {
			if room := fmt.Sprintf(`431["game-%d%d"]`, round, i+1); in[room] != 2 {
				t.Errorf("%s: %d are in %s", event, in[room], room)
			}
		}
		full, forbidden := in[`431[{"error":{"code":"room_full","rule":"rooms[1].capacity"}}]`], in[`431[{"error":{"code":"forbidden","rule":"rooms[0].allow.join"}}]`]
		if full+forbidden != 2 {
			t.Errorf("%s: %v", event, in)
		}
	}
}

func TestRoomsAreChosenByTheirMembers(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, games)
	clients := comers(t, 5, a, b)
	counted := func(c *wiretest.Client, want string) {
		t.Helper()
		for askClient(c, `["count",["game-1","game-2","game-3"]]`) != want { // others were counted a moment ago
			continue
		}
	}
	expectAnswer(t, clients[0], `["count",["game-1","game-2","game-3"]]`, `[{"game-1":0,"game-2":0,"game-3":0}]`)
	expectAnswer(t, clients[0], `["join","game-2"]`, `[]`)
	expectAnswer(t, clients[0], `["count","game-2"]`, `[{"game-2":1}]`)
	counted(clients[1], `[{"game-1":0,"game-2":1,"game-3":0}]`)

	expectAnswer(t, clients[1], `["fill",["game-1","game-2","game-3"]]`, `["game-2"]`)
	counted(clients[2], `[{"game-1":0,"game-2":2,"game-3":0}]`)
	expectAnswer(t, clients[2], `["fill",["game-1","game-2","game-3"]]`, `["game-1"]`)
	counted(clients[3], `[{"game-1":1,"game-2":2,"game-3":0}]`)
	expectAnswer(t, clients[3], `["play",["game-1","game-2","game-3"]]`, `["game-3"]`)
	counted(clients[4], `[{"game-1":1,"game-2":2,"game-3":1}]`)
	expectAnswer(t, clients[4], `["first",["game-2","game-1","game-3"]]`, `["game-1"]`)

	// Who is in one of them stays there.
	expectAnswer(t, clients[4], `["play",["game-2","game-3","game-1"]]`, `["game-1"]`)
	// The choice may be the manifest's own.
	expectAnswer(t, clients[4], `["leave","game-1"]`, `[]`)
	counted(clients[4], `[{"game-1":1,"game-2":2,"game-3":1}]`)
	expectAnswer(t, clients[4], `["least",["game-2","game-3"]]`, `["game-3"]`)
	expectAnswer(t, clients[4], `["skipped",["game-9"]]`, `["",{}]`)

	failed := `[{"error":"the service could not handle the event"}]`
	expectAnswer(t, clients[4], `["count","somewhere"]`, failed)
	expectAnswer(t, clients[4], `["play",[]]`, failed)
	expectAnswer(t, clients[4], `["play",["game-`+strings.Join(slices.Repeat([]string{"x"}, 65), `","game-`)+`"]]`, failed)
	expectAnswer(t, clients[4], `["play",["game-2"]]`, `[{"error":{"code":"room_full","rule":"rooms[1].capacity"}}]`)
}
