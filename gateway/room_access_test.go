// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const teams = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: teams}
spec:
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - name: "team-{team}"
      history: {maxMessages: 10, maxAge: 1h}
      allow:
        join: "room.params.team in socket.handshake.auth.teams"
        history: "has(socket.handshake.auth.reader)"
    handlers:
    - event: enter
      do: [{join: "args[0]"}, {ack: "[socket.recovered]"}]
    - event: say
      do: [{emit: {rooms: ["args[0]"], event: said, args: "[args[1]]"}}, {ack: "[]"}]
    - event: past
      do: [{history: {room: "args[0]"}}]
    - event: rooms
      do: [{ack: "socket.rooms.filter(r, r != socket.id)"}]
`

// arrival is the client's side of CONNECT.
func arrival(t *testing.T, url string, auth map[string]any) *wiretest.Client {
	t.Helper()
	c := wiretest.Dial(t, url, enginePath, "", nil)
	data, err := json.Marshal(auth)
	if err != nil {
		t.Fatal(err)
	}
	c.Send("40" + string(data))
	return c
}

func TestRulesOfRoomsHoldForWhatIsStored(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, teams)

	ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
	_, pid := welcomed(t, ada, `{"teams":["red","blue"]}`)
	for _, room := range []string{"team-red", "team-blue"} {
		ada.Send(`421["enter","` + room + `"]`)
		ada.Expect(`431[false]`)
	}
	ada.Send(`421["say","team-red","early"]`)
	said := ada.Receive()
	ada.Expect(`431[]`)
	ada.Send(`421["past","team-red"]`)
	ada.Expect(`431[{"error":{"code":"forbidden","rule":"rooms[0].allow.history"}}]`)

	// On joining, the history is for readers alone.
	reader := arrival(t, b.clients, map[string]any{"teams": []string{"red"}, "reader": true})
	reader.Receive()
	reader.Send(`421["enter","team-red"]`)
	if got := withoutOffset(t, reader.Receive()); got != `42["said","early"]` {
		t.Errorf("a reader received %s", got)
	}
	reader.Expect(`431[false]`)
	reader.Send(`421["past","team-red"]`)
	if got := reader.Receive(); !strings.Contains(got, "early") {
		t.Errorf("a reader asked, and received %s", got)
	}
	writer := arrival(t, b.clients, map[string]any{"teams": []string{"red", "blue"}})
	writer.Receive()
	writer.Send(`421["enter",["team-red","team-blue"]]`)
	writer.Expect(`431[false]`)

	// Who comes back is judged as who it is now.
	ada.Close()
	for _, room := range []string{"team-red", "team-blue"} {
		writer.Send(fmt.Sprintf(`421["say",%q,"to %s"]`, room, room))
		writer.Receive()
		writer.Expect(`431[]`)
	}
	back := arrival(t, b.clients, map[string]any{"teams": []string{"blue"}, "pid": pid, "offset": offsetOf(t, said)})
	back.Receive()
	if got := withoutOffset(t, back.Receive()); got != `42["said","to team-blue"]` {
		t.Errorf("the client that is back received %s", got)
	}
	back.Send(`421["rooms"]`)
	back.Expect(`431["team-blue"]`)
	back.Send(`421["enter","team-red"]`)
	back.Expect(`431[{"error":{"code":"forbidden","rule":"rooms[0].allow.join"}}]`)
	back.Send(`421["enter","team-blue"]`)
	back.Expect(`431[true]`)
}

// offsetOf is the last argument of an event.
func offsetOf(t *testing.T, packet string) string {
	t.Helper()
	var event []any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(packet, "42")), &event); err != nil {
		t.Fatal(err)
	}
	return event[len(event)-1].(string)
}
