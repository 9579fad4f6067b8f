// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// gate holds what comes in for a socket while it is still being told what was before. Safe for concurrent use.
type gate struct {
	mu     sync.Mutex
	held   []heldMessages // guarded by mu
	opened bool           // guarded by mu
}

type heldMessages struct {
	position uint64
	messages []*engineio.Message
}

// hold is false when the gate is open. What is held counts towards the limits of the session, which ends
// when there is too much of it.
func (g *gate) hold(position uint64, messages []*engineio.Message, session *engineio.Session) bool {
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

// open lets through what was held: what has no position, and what is behind one.
func (g *gate) open(position uint64, session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(h heldMessages) bool { return h.position != 0 && h.position <= position })
	g.send(session)
}

// discard drops what was held, of a socket that does not come in.
func (g *gate) discard(session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(session, func(heldMessages) bool { return true })
	g.opened = true
}

// drop drops a part of what was held. The lock is held.
func (g *gate) drop(session *engineio.Session, dropped func(heldMessages) bool) {
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
func (g *gate) send(session *engineio.Session) {
	for _, h := range g.held {
		session.SendHeld(h.messages...)
	}
	g.held, g.opened = nil, true
}
