// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"cmp"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/memory"
)

// memoryKeeper is the SessionKeeper of a single server: Rooms has the connected sockets, and
// Sessions those whose clients are away. Safe for concurrent use.
type memoryKeeper struct {
	*Rooms
	*memory.Sessions[*Socket]
}

var _ SessionKeeper = (*memoryKeeper)(nil)

// newMemoryKeeper makes a memoryKeeper; detection is the longest time until a lost connection is
// noticed.
func newMemoryKeeper(r *Recovery, detection time.Duration) *memoryKeeper {
	rooms := NewRooms()
	return &memoryKeeper{rooms, memory.New(memory.Config[*Socket]{
		MaxDisconnection: cmp.Or(max(r.MaxDisconnection, 0), client.DefaultMaxDisconnection),
		MaxMessages:      cmp.Or(max(r.MaxMessages, 0), client.DefaultMaxMessages),
		MaxSessions:      cmp.Or(max(r.MaxSessions, 0), client.DefaultMaxSessions),
		Detection:        detection,
		Rooms:            rooms,
		NewID:            client.NewID,
		Unkept:           (*Socket).tellUnkept,
	})}
}

// Broadcast queues the event for all targets, and stores it for them unless it is volatile.
func (k *memoryKeeper) Broadcast(d *Delivery) error {
	notifyOutgoing(k.spreadKept(d), d.Encoded())
	return nil
}

// spreadKept is spread for an event that is stored.
func (k *memoryKeeper) spreadKept(d *Delivery) (watched []*Socket) {
	e := k.Begin(d)
	defer k.End()
	if e.Volatile {
		return k.spread(&e.Delivery, nil)
	}
	return k.spread(&e.Delivery, func(s *Socket) { k.KeepEvent(s, e) })
}

// LeaveAll keeps the session of a socket that has recovered it, but lost its connection before it
// was connected.
func (k *memoryKeeper) LeaveAll(s *Socket) {
	if k.HasSession(s) {
		k.Release(s, true)
	}
	k.Rooms.LeaveAll(s)
}

// Close ends the sessions of clients that are away; the others end with their sockets.
func (k *memoryKeeper) Close() error {
	k.EndAll()
	return k.Rooms.Close()
}

// tellUnkept logs that the socket's client starts a new session when it comes back: with other data
// than before it would not be the same socket.
func (s *Socket) tellUnkept(err error) {
	s.namespace.server.log.Error("a socket's session ends, since its data cannot be kept", s.LogAttr(), "error", err)
}
