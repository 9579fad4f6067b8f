// SPDX-License-Identifier: Apache-2.0

package socketio

import "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"

// ResumePast continues with a Past that has returned NotYet.
func (s *Socket) ResumePast() { s.conn.Session().ResumeBacklog() }

// Hold holds back events that are broadcast to the socket, for an adapter that has to send
// something else first. release sends that, and then the held events. A socket can have one Hold at
// a time; adapters use it in Join.
func (s *Socket) Hold() (release func(Past)) {
	g := &backlog.Gate{}
	s.gate.Store(g)
	return func(first Past) {
		g.Release(first, s.namespace.server.codec, s.conn.Session())
		s.gate.CompareAndSwap(g, nil)
	}
}

// DecodeEvent decodes the event of a delivery of the namespace.
func (n *Namespace) DecodeEvent(d *Delivery) (event string, args Args, err error) {
	p, err := n.server.codec.Decode(d.Encoded())
	if err != nil {
		return "", Args{}, err
	}
	return p.Event, Args{JSON: p.Payload, Attachments: p.Attachments}, nil
}
