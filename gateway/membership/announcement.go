// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// Kind is what a gateway announces. The values are on the wire.
type Kind byte

// The kinds of announcements.
const (
	// Hello is of a gateway that has just come, or that asks who is there: the others say Alive.
	Hello Kind = 'h'
	// Alive is a heartbeat.
	Alive Kind = 'a'
	// Farewell is of a gateway that leaves.
	Farewell Kind = 'b'
)

// Announcement is what a gateway says of itself to all others. On the wire it is the kind, the id, and
// the fields.
type Announcement struct {
	Kind   Kind
	ID     string
	Fields Fields
}

// Fields are what a gateway says of itself besides its id. On the wire they are, for each, a number and
// the value's length, as uvarints, and the value. What is empty is left out.
type Fields struct {
	// Address is the host and port on which its peers reach it.
	Address string
	// Revision is of what it is made; of two that differ one replaces the other.
	Revision string
	// Leaving is true from when it takes no new clients.
	Leaving bool
	// Server is the id of the NATS server that it is connected to. A gateway that names it answers
	// echoes, too.
	Server string
	// Deltas: it understands those of sessions.
	Deltas bool
}

// The numbers of the fields. Gateways of two releases meet in every rollout: one passes over what it
// does not know, so that others may be added; a number is never given to something else.
const (
	fieldAddress  = 1
	fieldRevision = 2
	fieldLeaving  = 3 // there, with no value, while it is so
	fieldServer   = 4
	fieldDeltas   = 5 // there, with no value
)

// Encode writes the announcement.
func (a Announcement) Encode() []byte { return a.Fields.append(append([]byte{byte(a.Kind)}, a.ID...)) }

func (f Fields) append(buf []byte) []byte {
	text := func(number uint64, value string) {
		if value != "" {
			buf = wire.AppendBytes(binary.AppendUvarint(buf, number), value)
		}
	}
	flag := func(number uint64, set bool) {
		if set {
			buf = wire.AppendBytes(binary.AppendUvarint(buf, number), "")
		}
	}
	text(fieldAddress, f.Address)
	text(fieldRevision, f.Revision)
	flag(fieldLeaving, f.Leaving)
	text(fieldServer, f.Server)
	flag(fieldDeltas, f.Deltas)
	return buf
}

// Decode reads what Encode has written.
func Decode(data []byte) (Announcement, error) {
	if len(data) < 1+wire.GatewayIDLength {
		return Announcement{}, fmt.Errorf("%d bytes of a gateway's announcement", len(data))
	}
	fields, err := decodeFields(data[1+wire.GatewayIDLength:])
	if err != nil {
		return Announcement{}, fmt.Errorf("read a gateway's announcement: %w", err)
	}
	return Announcement{Kind(data[0]), string(data[1 : 1+wire.GatewayIDLength]), fields}, nil
}

func decodeFields(data []byte) (Fields, error) {
	var f Fields
	r := wire.Reader{Rest: data}
	err := r.Fields(func(number uint64, value []byte) {
		switch number {
		case fieldAddress:
			f.Address = string(value)
		case fieldRevision:
			f.Revision = string(value)
		case fieldLeaving:
			f.Leaving = true
		case fieldServer:
			f.Server = string(value)
		case fieldDeltas:
			f.Deltas = true
		}
	})
	if err != nil {
		return Fields{}, err
	}
	return f, nil
}

// announce tells the other gateways of this one. Without NATS nobody hears it, which says as much.
// Nothing follows a farewell: the others would wait for this gateway again, until its silence has lasted
// long enough.
func (p *Peers) announce(kind Kind) {
	p.announcing.Lock()
	defer p.announcing.Unlock()
	nc := p.conn.NATS()
	if p.left || !nc.IsConnected() {
		return
	}
	p.left = kind == Farewell
	fields := *p.own.Load()
	fields.Server = nc.ConnectedServerId()
	_ = nc.Publish(p.subject, Announcement{kind, p.id, fields}.Encode())
}

// Greet says that this gateway has come, and asks who is there.
func (p *Peers) Greet() { p.announce(Hello) }

// Farewell says that this gateway leaves. It is the last that the others hear of it.
func (p *Peers) Farewell() { p.announce(Farewell) }

// receive notes that a gateway is there, or is not. It runs in Run.
func (p *Peers) receive(msg *nats.Msg) {
	a, err := Decode(msg.Data)
	if err != nil {
		p.handlers.Malformed(msg, err)
		return
	}
	switch a.Kind {
	case Farewell:
		p.gone(a.ID, true)
		return
	case Hello:
		p.announce(Alive)
	}
	if p.table.alive(a.ID, a.Fields, time.Now()) {
		p.handlers.Heard()
	}
}
