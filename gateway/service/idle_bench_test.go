// SPDX-License-Identifier: Apache-2.0

package service

import (
	goruntime "runtime"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const idleHandlers = `
  - name: /
    rooms: [{name: lobby, autoJoin: true}]
    handlers:
    - {event: say, do: [{emit: {event: said, args: args}}]}
    - {event: disconnect, do: [{emit: {event: left, args: "[socket.id]"}}]}
`

// BenchmarkIdleSocket reports the live heap that the runtime adds to a client at rest, in bytes.
func BenchmarkIdleSocket(b *testing.B) {
	const sockets = 4000
	p := program(b, idleHandlers)
	for b.Loop() {
		bare := idleHeap(b, sockets, func(io *socketio.Server) {
			io.OnConnection(func(s *socketio.Socket) { s.Join("lobby") })
		})
		all := idleHeap(b, sockets, func(io *socketio.Server) { apply(io, p) })
		b.ReportMetric((all-bare)/sockets, "bytes/socket")
	}
}

// idleHeap is how much live heap a number of clients make on a server.
func idleHeap(b *testing.B, n int, setUp func(*socketio.Server)) float64 {
	b.Helper()
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer io.Close()
	setUp(io)
	connectPolling(b, io) // what the first one makes stays
	before := liveHeap()
	for range n {
		connectPolling(b, io)
	}
	return float64(liveHeap() - before)
}

func liveHeap() int64 {
	var m goruntime.MemStats
	for range 2 { // the second empties what the first has left in pools
		goruntime.GC()
	}
	goruntime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
