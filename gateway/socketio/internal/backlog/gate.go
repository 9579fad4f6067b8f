// SPDX-License-Identifier: Apache-2.0

// Package backlog puts in order what a socket is sent that comes back or joins late: first what was before, at the
// pace of its client, then what has come in meanwhile.
package backlog

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Gate holds what comes in for a socket while it is still being told what was before. Safe for concurrent use.
type Gate struct {
	mu     sync.Mutex
	held   []heldMessages // guarded by mu
	opened bool           // guarded by mu
}

type heldMessages struct {
	position uint64
	messages []*engineio.Message
}

// Hold is false when the gate is open. What is held counts towards the limits of the session, which ends
// when there is too much of it.
func (g *Gate) Hold(position uint64, messages []*engineio.Message, session *engineio.Session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		return false
	}
	// A session that has closed tells OnClose.
	if session.Hold(messages...) == nil {
		g.held = append(g.held, heldMessages{position, messages})
	}
	return true
}

// Open lets through what was held: what has no position, and what is behind one.
func (g *Gate) Open(position uint64, session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(h heldMessages) bool { return h.position != 0 && h.position <= position })
	g.send(session)
}

// Discard drops what was held, of a socket that does not come in.
func (g *Gate) Discard(session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(heldMessages) bool { return true })
	g.opened = true
}

// drop drops a part of what was held. The lock is held.
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

// send lets through what was held, and all that comes after it. The lock is held.
func (g *Gate) send(session *engineio.Session) {
	for _, h := range g.held {
		session.SendHeld(h.messages...)
	}
	g.held, g.opened = nil, true
}

// Release sends what was before, then what was held, and opens the gate. What is part of the former is not sent twice.
func (g *Gate) Release(first event.Past, codec parser.Codec, session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(h heldMessages) bool { return h.position != 0 && first.Has(h.position) })
	next := first.Next // and nothing else, for as long as that waits
	// A session that has closed tells OnClose.
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
