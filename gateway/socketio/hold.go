// SPDX-License-Identifier: Apache-2.0

package socketio

import "github.com/realtime-operator/realtime-operator/gateway/engineio"

// Past is what an adapter has to send to a socket before what was held for it.
type Past struct {
	// Has tells whether an event is part of it, by its Position. It is asked before Next, for events that
	// were held: those which it has are sent as part of it, and not a second time.
	Has func(position uint64) bool
	// Next is the next event, nil at the end. It is called as the client takes the events, with the offset
	// of what the socket got before them: a client that is lost in the middle does not get the rest, but
	// misses nothing else. It may not wait, nor use the socket's session.
	Next func() *Delivery
}

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
	codec, session := s.conn.server.codec, s.conn.session
	g.drop(session, func(h heldMessages) bool { return h.position != 0 && first.Has(h.position) })
	next := first.Next // and nothing else, for as long as that waits
	// A session that has closed tells OnClose.
	_ = session.SendBacklog(func() []*engineio.Message {
		if d := next(); d != nil {
			return d.messages(codec)
		}
		return nil
	})
	g.send(session)
}

// DecodeEvent reads the event of a delivery of the namespace.
func (n *Namespace) DecodeEvent(d *Delivery) (event string, args Args, err error) {
	p, err := n.server.codec.Decode(d.encoded())
	if err != nil {
		return "", Args{}, err
	}
	return p.Event, Args{JSON: p.Payload, Attachments: p.Attachments}, nil
}
