// SPDX-License-Identifier: Apache-2.0

package socketio

// Hold keeps back what is broadcast to the socket, for an adapter that has something to send before it. It lasts until release is
// called, which sends that, and then what was held, without what release has just sent: both know it by Position. There is one Hold
// at a time: adapters use it within Join.
func (s *Socket) Hold() (release func(first []Delivery)) {
	g := &gate{}
	s.gate.Store(g)
	return func(first []Delivery) {
		g.release(first, s)
		s.gate.CompareAndSwap(g, nil)
	}
}

// release sends some deliveries with the offset of what the socket has got before them: who is lost in the midst of them does not
// get the rest, but misses nothing else.
func (g *gate) release(first []Delivery, s *Socket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = true
	codec, session := s.conn.server.codec, s.conn.session
	sent := make(map[uint64]bool, len(first))
	for i := range first {
		sent[first[i].Position] = true
		// A session that has closed tells OnClose.
		_ = session.SendBacklog(first[i].messages(codec)...)
	}
	for _, h := range g.held {
		if !sent[h.position] {
			_ = session.Send(h.messages...)
		}
	}
	g.held = nil
}

// DecodeEvent reads the event of a delivery of the namespace.
func (n *Namespace) DecodeEvent(d *Delivery) (event string, args Args, err error) {
	p, err := n.server.codec.decode(d.encoded())
	if err != nil {
		return "", Args{}, err
	}
	return p.event, Args{JSON: p.payload, Attachments: p.attachments}, nil
}
