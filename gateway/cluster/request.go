// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// What a gateway asks of the others, and what they answer. The numbers are on the wire.
const (
	// requestAsk: deliver to clients, and send their answers. The answers are one answerCount, and an answerAck or
	// answerGone for each client, in any order. Count is for how many milliseconds they are of interest; 0, as older
	// gateways send, for as long as it takes.
	requestAsk byte = iota + 1
	// requestStop: the answers to a requestAsk with the id are of no interest any more.
	requestStop
	// requestFetch: describe the sockets that are meant. The answers are any number of answerPart, each
	// a JSON list of sockets. With fetchCount as the count, there is one, a JSON number; gateways that
	// do not know it answer with the lists.
	requestFetch
	requestJoin
	requestLeave
	requestDisconnect
	requestClose
	requestServerSide
	requestServerSideAck
	// requestPresence asks for the members of a room on each gateway: count at most, behind the id in event.
	requestPresence

	answerCount byte = iota + 100
	answerAck
	answerGone
	// answerPart is followed by others, answerDone is the last.
	answerPart
	answerDone
)

// fetchCount in a requestFetch asks for the number of the sockets alone.
const fetchCount = 1

// request is a request or an answer. On the wire it is wire.Version, the kind, and the fields in their order here; see
// wire.Message for their forms. The delivery is the last, so that what a later release adds to a request
// are fields of that message.
type request struct {
	kind byte
	// id numbers the requests of a gateway; an answer has that of the request.
	id        uint64
	from      string
	namespace string
	event     string
	rooms     []string
	// count is the number of clients in answerCount; of other meanings in requestAsk, requestFetch and
	// requestPresence.
	count uint64
	// delivery has the sockets that are meant, and the packet or arguments.
	delivery socketio.Delivery
}

func (r *request) encode() []byte {
	buf := []byte{wire.Version, r.kind}
	buf = binary.AppendUvarint(buf, r.id)
	buf = wire.AppendBytes(buf, r.from)
	buf = wire.AppendBytes(buf, r.namespace)
	buf = wire.AppendBytes(buf, r.event)
	buf = wire.AppendStrings(buf, r.rooms)
	buf = binary.AppendUvarint(buf, r.count)
	m := wire.Message{Delivery: r.delivery}
	return append(buf, m.Encode()...)
}

// decodeRequest reads what encode has written. The result shares data's memory.
func decodeRequest(data []byte) (*request, error) {
	if len(data) < 2 || data[0] != wire.Version {
		return nil, fmt.Errorf("unknown version of request %.1x", data)
	}
	d := wire.Reader{Rest: data[2:]}
	r := &request{kind: data[1], id: d.Uvarint()}
	r.from = string(d.Bytes())
	r.namespace = string(d.Bytes())
	r.event = string(d.Bytes())
	r.rooms = d.Strings()
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
