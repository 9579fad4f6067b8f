// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// The requests of gateways to others, and the answers. The numbers are on the wire.
const (
	// requestAsk: deliver to clients, and send their answers. The answers are one answerCount, and
	// an answerAck or answerGone for each client, in any order. Count is the time in milliseconds
	// for which answers are accepted; 0, as older gateways send, stands for any time.
	requestAsk byte = iota + 1
	// requestStop: answers to the requestAsk with this id are no longer accepted.
	requestStop
	// requestFetch: describe the targets. The answers are any number of answerPart, each a JSON
	// list of sockets. With fetchCount as the count, there is one answer, a JSON number; gateways
	// that do not know fetchCount answer with the lists.
	requestFetch
	requestJoin
	requestLeave
	requestDisconnect
	requestClose
	requestServerSide
	requestServerSideAck
	// requestPresence: list the members of a room, at most count of them, after the id in event.
	requestPresence

	answerCount byte = iota + 100
	answerAck
	answerGone
	// answerPart is followed by others, answerDone is the last.
	answerPart
	answerDone
)

// fetchCount in a requestFetch requests only the number of sockets.
const fetchCount = 1

// request is a request or an answer. On the wire it is wire.Version, the kind, and the fields in
// their order here; see wire.Message for their forms. The delivery is the last, so that what a
// later release adds to a request are fields of that message.
type request struct {
	kind byte
	// id numbers the requests of a gateway; an answer has the id of its request.
	id        uint64
	from      string
	namespace string
	event     string
	rooms     []string
	// count is the number of clients in answerCount; it has other meanings in requestAsk,
	// requestFetch and requestPresence.
	count uint64
	// delivery has the target, and the packet or arguments.
	delivery socketio.Delivery
}

func (r *request) encode() []byte {
	buf := []byte{wire.Version, r.kind}
	buf = binary.AppendUvarint(buf, r.id)
	buf = wire.AppendBytes(buf, r.from)
	buf = wire.AppendBytes(buf, r.namespace)
	buf = wire.AppendBytes(buf, r.event)
	buf = wire.AppendRooms(buf, r.rooms)
	buf = binary.AppendUvarint(buf, r.count)
	m := wire.Message{Delivery: r.delivery}
	return append(buf, m.Encode()...)
}

// decodeRequest is the inverse of encode. The result shares data's memory.
func decodeRequest(data []byte) (*request, error) {
	if len(data) < 2 || data[0] != wire.Version {
		return nil, fmt.Errorf("unknown version of request %.1x", data)
	}
	d := wire.Reader{Rest: data[2:]}
	r := &request{kind: data[1], id: d.Uvarint()}
	r.from = string(d.Bytes())
	r.namespace = string(d.Bytes())
	r.event = string(d.Bytes())
	r.rooms = d.Rooms()
	r.count = d.Uvarint()
	if d.Err != nil {
		return nil, d.Err
	}
	m, err := wire.DecodeMessage(d.Rest)
	if err != nil {
		return nil, err
	}
	r.delivery = m.Delivery
	return r, nil
}

func (r *request) args() socketio.Args {
	return socketio.Args{JSON: r.delivery.Text, Attachments: r.delivery.Attachments}
}
