// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// The numbers of what a gateway says of itself, on the wire. Gateways of two releases meet in every rollout: one passes
// over what it does not know, so that others may be added; a number is never given to something else.
const (
	peerFieldAddress  = 1
	peerFieldRevision = 2
	peerFieldLeaving  = 3 // there, with no value, while it is so
	peerFieldServer   = 4
	peerFieldDeltas   = 5 // there, with no value
)

// peerFields are what a gateway says of itself behind its id: for each a number and the value's length, as uvarints, and
// the value. What is empty is left out.
type peerFields struct {
	// address is the host and port on which its peers reach it.
	address string
	// revision is of what it is made; of two that differ one replaces the other.
	revision string
	// leaving is true from when it takes no new clients.
	leaving bool
	// server is the id of the NATS server that it is connected to. A gateway that names it answers echoes, too.
	server string
	// deltas: it understands those of sessions.
	deltas bool
}

func (f peerFields) append(buf []byte) []byte {
	if f.address != "" {
		buf = binary.AppendUvarint(buf, peerFieldAddress)
		buf = wire.AppendBytes(buf, f.address)
	}
	if f.revision != "" {
		buf = binary.AppendUvarint(buf, peerFieldRevision)
		buf = wire.AppendBytes(buf, f.revision)
	}
	if f.leaving {
		buf = binary.AppendUvarint(buf, peerFieldLeaving)
		buf = wire.AppendBytes(buf, "")
	}
	if f.server != "" {
		buf = binary.AppendUvarint(buf, peerFieldServer)
		buf = wire.AppendBytes(buf, f.server)
	}
	if f.deltas {
		buf = binary.AppendUvarint(buf, peerFieldDeltas)
		buf = wire.AppendBytes(buf, "")
	}
	return buf
}

func decodePeerFields(data []byte) (peerFields, error) {
	var f peerFields
	r := wire.Reader{Rest: data}
	for len(r.Rest) > 0 {
		number, value := r.Uvarint(), r.Bytes()
		if r.Err != nil {
			return peerFields{}, r.Err
		}
		switch number {
		case peerFieldAddress:
			f.address = string(value)
		case peerFieldRevision:
			f.revision = string(value)
		case peerFieldLeaving:
			f.leaving = true
		case peerFieldServer:
			f.server = string(value)
		case peerFieldDeltas:
			f.deltas = true
		}
	}
	return f, nil
}
