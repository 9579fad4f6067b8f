// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// ResumePast goes on with a Past that has returned NotYet.
func (s *Socket) ResumePast() { s.conn.Session().ResumeBacklog() }

// Hold keeps back what is broadcast to the socket, for an adapter that has something to send before it. It
// lasts until release is called, which sends that, and then what was held. There is one Hold at a time:
// adapters use it within Join.
func (s *Socket) Hold() (release func(Past)) {
	g := &gate{}
	s.gate.Store(g)
	return func(first Past) {
		g.release(first, s)
		s.gate.CompareAndSwap(g, nil)
	}
}

func (g *gate) release(first Past, s *Socket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	codec, session := s.namespace.server.codec, s.conn.Session()
	g.drop(session, func(h heldMessages) bool { return h.position != 0 && first.Has(h.position) })
	next := first.Next // and nothing else, for as long as that waits
	// A session that has closed tells OnClose.
	_ = session.SendBacklog(func() []*engineio.Message {
		switch d := next(); d {
		case nil:
			return nil
		case NotYet:
			return engineio.NotYet
		default:
			return d.Messages(codec)
		}
	})
	g.send(session)
}

// DecodeEvent reads the event of a delivery of the namespace.
func (n *Namespace) DecodeEvent(d *Delivery) (event string, args Args, err error) {
	p, err := n.server.codec.Decode(d.Encoded())
	if err != nil {
		return "", Args{}, err
	}
	return p.Event, Args{JSON: p.Payload, Attachments: p.Attachments}, nil
}

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
