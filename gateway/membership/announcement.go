// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// Kind is the kind of an announcement. The values are on the wire.
type Kind byte

// The kinds of announcements.
const (
	// Hello: the gateway has just started, or asks which gateways are alive. The others answer
	// Alive.
	Hello Kind = 'h'
	// Alive is a heartbeat.
	Alive Kind = 'a'
	// Farewell: the gateway leaves.
	Farewell Kind = 'b'
)

// Announcement is what a gateway announces to all others. On the wire it is the kind, the id, and
// the fields.
type Announcement struct {
	Kind   Kind
	ID     string
	Fields Fields
}

// Fields describe a gateway. On the wire each is a number and the value's length, as uvarints, and
// the value. Empty fields are omitted.
type Fields struct {
	// Address is the host and port on which its peers reach it.
	Address string
	// Revision identifies what the gateway is made of; gateways of different revisions replace each
	// other.
	Revision string
	// Leaving is true once it accepts no new clients.
	Leaving bool
	// Server is the id of the NATS server that it is connected to. A gateway with this field also
	// answers echoes.
	Server string
	// Deltas: it understands the deltas of sessions.
	Deltas bool
}

// The numbers of the fields. Gateways of two releases meet in every rollout: a gateway ignores
// fields that it does not know, so that others can be added; a number is never reused.
const (
	fieldAddress  = 1
	fieldRevision = 2
	fieldLeaving  = 3 // present, without a value, if true
	fieldServer   = 4
	fieldDeltas   = 5 // present, without a value, if true
)

// Encode encodes the announcement.
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

// Decode is the inverse of Encode.
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

// announce publishes an announcement of this gateway. Without NATS nobody receives it, which has
// the same effect as silence. Nothing follows a farewell: otherwise the others would wait for this
// gateway until it is considered dead.
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

// Greet announces that this gateway has started, and asks which gateways are alive.
func (p *Peers) Greet() { p.announce(Hello) }

// Farewell announces that this gateway leaves. It is its last announcement.
func (p *Peers) Farewell() { p.announce(Farewell) }

// receive handles an announcement. It runs in Run.
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
