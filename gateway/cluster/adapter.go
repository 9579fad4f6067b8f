// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// adapter is a namespace's rooms on this gateway, and its way to those on others.
type adapter struct {
	cluster       *Cluster
	namespace     *socketio.Namespace
	subjects      wire.Subjects
	rooms         *socketio.Rooms
	subscriptions *subscriptions
	presence      *presence.Tracker
	// kept is nil without recovery.
	kept *recovery.Namespace
	// unused is told when this gateway does not hear of a room any more; nil if nobody asks.
	unused func(room string)
}

func newAdapter(c *Cluster, ns *socketio.Namespace) *adapter {
	a := &adapter{cluster: c, namespace: ns, subjects: wire.NewSubjects(c.service, ns.Name()), rooms: socketio.NewRooms()}
	a.subscriptions = newSubscriptions(c, a.inboxOf)
	a.presence = presence.New(ns, a.rooms, presenceLink{a})
	a.rooms.Watch(a.presence)
	return a
}

// inboxOf keeps what is said of a room's members apart from what is said in it, which may wait for the log.
func (a *adapter) inboxOf(subject string) *natsconn.Inbox {
	if a.subjects.IsPresence(subject) {
		return a.cluster.news
	}
	return a.cluster.incoming
}

// Join puts a socket into rooms, and returns when NATS has confirmed that the gateway hears of them.
func (a *adapter) Join(s *socketio.Socket, rooms ...string) {
	a.rooms.Join(s, rooms...)
	a.subscriptions.want(a.wanted(rooms))
}

// JoinWaits reports whether Join has to wait for NATS.
func (a *adapter) JoinWaits(_ *socketio.Socket, rooms ...string) bool {
	return !a.subscriptions.inForce(a.wanted(rooms))
}

// wanted are the subjects of which a member of rooms has to hear.
func (a *adapter) wanted(rooms []string) []string {
	wanted := make([]string, 0, 1+len(rooms))
	wanted = append(wanted, a.subjects.All())
	for _, room := range rooms {
		wanted = append(wanted, a.subjects.Interest(room))
	}
	return wanted
}

// Leave takes a socket out of a room.
func (a *adapter) Leave(s *socketio.Socket, room string) {
	if !a.rooms.Contains(s, room) {
		return // clients may leave any number of rooms that they are not in
	}
	a.rooms.Leave(s, room)
	a.abandon(room)
}

// abandon gives up what only members of a room want, if it has none here any more.
func (a *adapter) abandon(room string) {
	if a.rooms.Has(room) {
		return
	}
	unused := func() bool { return !a.rooms.Has(room) }
	if gateway, _, ok := wire.OwnerOfRoom(room); ok {
		unused = func() bool { return !a.rooms.HasPrefix(gateway) }
	}
	if a.unused != nil {
		nobody := unused
		unused = func() bool {
			if !nobody() {
				return false
			}
			a.unused(room)
			return true
		}
	}
	a.subscriptions.release(a.subjects.Interest(room), unused)
}

// LeaveAll takes a socket out of all its rooms.
func (a *adapter) LeaveAll(s *socketio.Socket) {
	rooms := a.rooms.RoomsOf(s)
	a.rooms.LeaveAll(s)
	for _, room := range rooms {
		a.abandon(room)
	}
	empty := func() bool { return a.rooms.Len() == 0 }
	if empty() {
		a.subscriptions.release(a.subjects.All(), empty)
	}
}

// RoomsOf lists the rooms that a socket is in.
func (a *adapter) RoomsOf(s *socketio.Socket) []string { return a.rooms.RoomsOf(s) }

// RoomSizes are the rooms with members on this gateway, each with how many.
func (a *adapter) RoomSizes() map[string]int { return a.rooms.RoomSizes() }

// RoomSize is the number of a room's members on this gateway.
func (a *adapter) RoomSize(room string) int { return a.rooms.RoomSize(room) }

// Contains tells whether a socket is in a room.
func (a *adapter) Contains(s *socketio.Socket, room string) bool { return a.rooms.Contains(s, room) }

// CountRooms is how many they are.
func (a *adapter) CountRooms(s *socketio.Socket) int { return a.rooms.CountRooms(s) }

// Broadcast delivers here and publishes for the others. Local members get it whatever becomes of NATS; see outgoing.
func (a *adapter) Broadcast(d *socketio.Delivery) error {
	if !d.Local {
		if subjects := a.targets(d.Rooms); len(subjects) > 0 {
			m := &wire.Message{Delivery: *d}
			if !a.cluster.fits(m) {
				a.cluster.metrics.failed.Inc()
				return fmt.Errorf("publish to the other gateways: %w", nats.ErrMaxPayload)
			}
			a.cluster.place(m, subjects)
			defer a.cluster.out.Flush()
		}
	}
	return a.broadcastHere(d)
}

// broadcastHere delivers to members on this gateway what is not stored.
func (a *adapter) broadcastHere(d *socketio.Delivery) error {
	if l := a.cluster.events; l != nil {
		defer l.Unordered(d)()
	}
	return a.rooms.Broadcast(d)
}

// targets are the subjects on which a broadcast to rooms goes out; nil rooms mean the namespace.
func (a *adapter) targets(rooms []string) []string {
	if rooms == nil {
		return []string{a.subjects.All()}
	}
	subjects := make([]string, 0, len(rooms))
	for _, room := range rooms {
		if gateway, _, ok := wire.OwnerOfRoom(room); ok && gateway == a.cluster.id && a.rooms.Has(room) {
			continue // a socket of ours, known by its id
		}
		subjects = append(subjects, a.subjects.Room(room))
	}
	return subjects
}

// Close gives up all subscriptions.
func (a *adapter) Close() error {
	err := a.rooms.Close() // says to the others that nobody is here any more
	a.cluster.forget(a)
	return errors.Join(err, a.subscriptions.close())
}
