// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/cluster/presence"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// adapter is a namespace's rooms on this gateway, and its way to those on others.
type adapter struct {
	cluster   *Cluster
	namespace *socketio.Namespace
	subjects  subjects
	rooms     *socketio.Rooms
	interest  *interest
	presence  *presence.Tracker
}

func newAdapter(c *Cluster, ns *socketio.Namespace) *adapter {
	a := &adapter{cluster: c, namespace: ns, subjects: newSubjects(c.service, ns.Name()), rooms: socketio.NewRooms()}
	a.interest = newInterest(c)
	a.presence = presence.New(ns, presenceLink{a})
	a.rooms.Watch(a.presence)
	return a
}

// Join puts a socket into rooms, and returns when NATS has confirmed that the gateway hears of them.
func (a *adapter) Join(s *socketio.Socket, rooms ...string) {
	a.rooms.Join(s, rooms...)
	wanted := make([]string, 0, 2+len(rooms))
	wanted = append(wanted, a.subjects.all(), a.subjects.gateway(a.cluster.id))
	for _, room := range rooms {
		if room != s.ID() || !a.isOurs(room) {
			wanted = append(wanted, a.subjects.room(room))
		}
	}
	a.interest.want(wanted)
}

// Leave takes a socket out of a room.
func (a *adapter) Leave(s *socketio.Socket, room string) {
	a.rooms.Leave(s, room)
	if !a.rooms.Has(room) {
		a.interest.release(a.subjects.room(room), func() bool { return !a.rooms.Has(room) })
	}
}

// LeaveAll takes a socket out of all its rooms.
func (a *adapter) LeaveAll(s *socketio.Socket) {
	rooms := a.rooms.RoomsOf(s)
	a.rooms.LeaveAll(s)
	for _, room := range rooms {
		if !(room == s.ID() && a.isOurs(room)) && !a.rooms.Has(room) {
			a.interest.release(a.subjects.room(room), func() bool { return !a.rooms.Has(room) })
		}
	}
	empty := func() bool { return a.rooms.Len() == 0 }
	if empty() {
		a.interest.release(a.subjects.all(), empty)
		a.interest.release(a.subjects.gateway(a.cluster.id), empty)
	}
}

// RoomsOf lists the rooms that a socket is in.
func (a *adapter) RoomsOf(s *socketio.Socket) []string { return a.rooms.RoomsOf(s) }

// Broadcast delivers here and publishes for the others.
func (a *adapter) Broadcast(d *socketio.Delivery) error {
	if d.Local {
		return a.rooms.Broadcast(d)
	}
	m := &message{delivery: *d}
	if subjects := a.targets(d.Rooms); len(subjects) > 0 {
		if err := a.cluster.publish(m, subjects); err != nil {
			return fmt.Errorf("publish to the other gateways: %w", err)
		}
	}
	return a.rooms.Broadcast(d)
}

// isOurs tells whether a socket's id names this gateway, so that others find it without a room. Those of 2.x clients do not.
func (a *adapter) isOurs(id string) bool {
	gateway, ok := gatewayOfSocket(id)
	return ok && gateway == a.cluster.id
}

// targets are the subjects on which a broadcast to rooms goes out; nil rooms mean the namespace.
func (a *adapter) targets(rooms []string) []string {
	if rooms == nil {
		return []string{a.subjects.all()}
	}
	subjects := make([]string, 0, len(rooms))
	for _, room := range rooms {
		if gateway, ok := gatewayOfSocket(room); ok {
			if gateway != a.cluster.id {
				subjects = append(subjects, a.subjects.gateway(gateway))
			}
			if a.rooms.Has(room) && gateway == a.cluster.id {
				continue // a socket of ours, known by its id
			}
		}
		// What looks like a socket's id may be the name of a room all the same.
		subjects = append(subjects, a.subjects.room(room))
	}
	return subjects
}

// Close gives up all subscriptions.
func (a *adapter) Close() error {
	err := a.rooms.Close() // says to the others that nobody is here any more
	a.cluster.forget(a)
	return errors.Join(err, a.interest.close())
}

// gatewayOfSocket is the gateway that a socket's id names, if the string has the form of one.
func gatewayOfSocket(id string) (string, bool) {
	if len(id) != socketIDLength {
		return "", false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return "", false
		}
	}
	return id[:gatewayIDLength], true
}
