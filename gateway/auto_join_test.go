// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const autoJoining = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: joining}
spec:
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - {name: "team-*", autoJoinRooms: "socket.handshake.auth.teams.map(t, 'team-' + t)"}
    handlers:
    - event: leave
      do: [{leave: "args[0]"}, {emit: {to: socket, event: left}}, {ack: "[]"}]
    - event: rooms
      do: [{ack: "[socket.recovered, socket.rooms.filter(r, r != socket.id)]"}]
`

// A client that comes back is in the rooms of its session, whatever its claims are now.
func TestAClientThatComesBackJoinsNothingByItself(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, autoJoining)
	ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
	_, pid := welcomed(t, ada, `{"teams":["red","blue"]}`)
	ada.Send(`421["leave","team-red"]`)
	offset := offsetOf(t, ada.Receive())
	ada.Expect(`431[]`)
	ada.Close()
	back := arrival(t, b.clients, map[string]any{"teams": []string{"red", "green"}, "pid": pid, "offset": offset})
	back.Receive()
	back.Send(`421["rooms"]`)
	back.Expect(`431[true,["team-blue"]]`)

	next := arrival(t, b.clients, map[string]any{"teams": []string{"green"}})
	next.Receive()
	next.Send(`421["rooms"]`)
	next.Expect(`431[false,["team-green"]]`)
}
