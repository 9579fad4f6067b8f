// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
	"github.com/realtime-operator/realtime-operator/gateway/places"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// adapter has a namespace's rooms on this gateway, and reaches those on other gateways.
type adapter struct {
	cluster       *Cluster
	namespace     *socketio.Namespace
	subjects      wire.Subjects
	rooms         *socketio.Rooms
	subscriptions *subscriptions
	presence      *presence.Tracker
	// places is nil without recovery.
	places *places.Keeper
	// kept is nil without recovery.
	kept *recovery.Namespace
	// unused is called when this gateway unsubscribes from a room; nil if nobody needs to know.
	unused func(room string)
}

func newAdapter(c *Cluster, ns *socketio.Namespace) *adapter {
	a := &adapter{cluster: c, namespace: ns, subjects: wire.NewSubjects(c.service, ns.Name()), rooms: socketio.NewRooms()}
	a.subscriptions = newSubscriptions(c, a.inboxOf)
	a.presence = presence.New(ns, a.rooms, presenceLink{a})
	a.rooms.Watch(a.presence)
	if c.events != nil {
		a.places = places.New(placesLink{c, ns.Name()})
	}
	return a
}

// inboxOf separates news of a room's members from the events of the room, which may wait for the
// log.
func (a *adapter) inboxOf(subject string) *natsconn.Inbox {
	if a.subjects.IsPresence(subject) {
		return a.cluster.news
	}
	return a.cluster.incoming
}

// Join puts a socket into rooms, and returns when NATS has confirmed the subscriptions to them.
func (a *adapter) Join(s *socketio.Socket, rooms ...string) {
	a.rooms.Join(s, rooms...)
	a.subscriptions.want(a.wanted(rooms))
}

// JoinWaits reports whether Join has to wait for NATS.
func (a *adapter) JoinWaits(_ *socketio.Socket, rooms ...string) bool {
	return a.places.Waits(rooms) || !a.subscriptions.inForce(a.wanted(rooms))
}

// wanted returns the subjects that a member of rooms has to receive.
func (a *adapter) wanted(rooms []string) []string {
	wanted := make([]string, 0, 1+len(rooms))
	wanted = append(wanted, a.subjects.All())
	for _, room := range rooms {
		wanted = append(wanted, a.subjects.Interest(room))
	}
	return wanted
}

// Leave removes a socket from a room.
func (a *adapter) Leave(s *socketio.Socket, room string) {
	if !a.rooms.Contains(s, room) {
		return // clients may leave any number of rooms that they are not in
	}
	a.rooms.Leave(s, room)
	a.abandon(room)
}

// abandon releases the subscriptions of a room that has no members here any more.
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

// LeaveAll removes a socket from all its rooms.
func (a *adapter) LeaveAll(s *socketio.Socket) {
	rooms := a.rooms.RoomsOf(s)
	a.rooms.LeaveAll(s)
	a.places.HasLeft(s)
	for _, room := range rooms {
		a.abandon(room)
	}
	empty := func() bool { return a.rooms.Len() == 0 }
	if empty() {
		a.subscriptions.release(a.subjects.All(), empty)
	}
}

// RoomsOf lists the rooms of a socket.
func (a *adapter) RoomsOf(s *socketio.Socket) []string { return a.rooms.RoomsOf(s) }

// RoomSizes returns the number of members of each room on this gateway.
func (a *adapter) RoomSizes() map[string]int { return a.rooms.RoomSizes() }

// RoomSize returns the number of a room's members on this gateway.
func (a *adapter) RoomSize(room string) int { return a.rooms.RoomSize(room) }

// Contains reports whether a socket is in a room.
func (a *adapter) Contains(s *socketio.Socket, room string) bool { return a.rooms.Contains(s, room) }

// CountRooms returns the number of a socket's rooms.
func (a *adapter) CountRooms(s *socketio.Socket) int { return a.rooms.CountRooms(s) }

// Broadcast delivers to members on this gateway and publishes for the others. Local members receive
// the event even without NATS; see outgoing.
func (a *adapter) Broadcast(d *socketio.Delivery) error {
	a.cluster.emitted(a.namespace, d)
	if !d.Local {
		if subjects := a.targets(d.Rooms); len(subjects) > 0 {
			m := &wire.Message{Delivery: *d}
			span := a.cluster.tracePublication(&m.Delivery)
			defer span.End(false)
			if !a.cluster.fits(m) {
				a.cluster.metrics.failed.Inc()
				span.End(true)
				return fmt.Errorf("publish to the other gateways: %w", nats.ErrMaxPayload)
			}
			a.cluster.place(m, subjects)
			defer a.cluster.out.Flush()
		}
	}
	return a.broadcastHere(d)
}

// broadcastHere delivers an event that is not stored to members on this gateway.
func (a *adapter) broadcastHere(d *socketio.Delivery) error {
	if l := a.cluster.events; l != nil {
		defer l.Unordered(d)()
	}
	return a.rooms.Broadcast(d)
}

// targets returns the subjects of a broadcast to rooms; nil rooms stand for the namespace.
func (a *adapter) targets(rooms []string) []string {
	if rooms == nil {
		return []string{a.subjects.All()}
	}
	subjects := make([]string, 0, len(rooms))
	for _, room := range rooms {
		if gateway, _, ok := wire.OwnerOfRoom(room); ok && gateway == a.cluster.id && a.rooms.Has(room) {
			continue // a socket of this gateway, by its id
		}
		subjects = append(subjects, a.subjects.Room(room))
	}
	return subjects
}

// Close ends all subscriptions.
func (a *adapter) Close() error {
	err := a.rooms.Close() // tells the others that no members are left here
	a.cluster.forget(a)
	return errors.Join(err, a.subscriptions.close())
}
