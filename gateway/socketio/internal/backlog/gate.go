// SPDX-License-Identifier: Apache-2.0

// Package backlog orders what is sent to a socket that returns or joins late: first the earlier
// events, at the pace of its client, then those that have arrived meanwhile.
package backlog

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Gate holds new events for a socket while earlier ones are still being sent. Safe for concurrent
// use.
type Gate struct {
	mu     sync.Mutex
	held   []heldMessages // guarded by mu
	opened bool           // guarded by mu
}

type heldMessages struct {
	position uint64
	messages []*engineio.Message
}

// Hold holds messages, and returns false if the gate is open. Held messages count towards the
// limits of the session, which ends if there are too many.
func (g *Gate) Hold(position uint64, messages []*engineio.Message, session *engineio.Session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		return false
	}
	// If the session has closed, OnClose reports it.
	if session.Hold(messages...) == nil {
		g.held = append(g.held, heldMessages{position, messages})
	}
	return true
}

// Open sends the held messages without a position, and those with a position after the given one.
func (g *Gate) Open(position uint64, session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(h heldMessages) bool { return h.position != 0 && h.position <= position })
	g.send(session)
}

// Discard drops the held messages of a socket that does not connect.
func (g *Gate) Discard(session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(heldMessages) bool { return true })
	g.opened = true
}

// drop drops some of the held messages. The lock is held.
func (g *Gate) drop(session *engineio.Session, dropped func(heldMessages) bool) {
	kept := g.held[:0]
	for _, h := range g.held {
		if dropped(h) {
			session.DropHeld(h.messages...)
		} else {
			kept = append(kept, h)
		}
	}
	clear(g.held[len(kept):])
	g.held = kept
}

// send sends the held messages, and opens the gate. The lock is held.
func (g *Gate) send(session *engineio.Session) {
	for _, h := range g.held {
		session.SendHeld(h.messages...)
	}
	g.held, g.opened = nil, true
}

// Release sends first, then the held messages, and opens the gate. Messages that are part of first
// are not sent twice.
func (g *Gate) Release(first event.Past, codec parser.Codec, session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(h heldMessages) bool { return h.position != 0 && first.Has(h.position) })
	next := first.Next // refers to nothing else, for as long as it waits
	// If the session has closed, OnClose reports it.
	_ = session.SendBacklog(func() []*engineio.Message {
		switch d := next(); d {
		case nil:
			return nil
		case event.NotYet:
			return engineio.NotYet
		default:
			return d.Messages(codec)
		}
	})
	g.send(session)
}
