// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// pubAck is JetStream's answer to a message (nats-server, JSPubAckResponse).
type pubAck struct {
	Sequence  uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate"`
	Error     *struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// The answer to a message that is stored for the first time has the stream, possibly a domain, and
// the sequence at the end. Each event has one, so it is not worth a JSON decoder.
var (
	pubAckBegin    = []byte(`{"stream":`)
	pubAckSequence = []byte(`"seq":`)
)

func decodePubAck(data []byte) (pubAck, error) {
	if sequence, ok := storedSequence(data); ok {
		return pubAck{Sequence: sequence}, nil
	}
	var ack pubAck
	if err := json.Unmarshal(data, &ack); err != nil {
		return pubAck{}, fmt.Errorf("decode JetStream's answer: %w", err)
	}
	return ack, nil
}

// storedSequence parses the usual answer. It returns false for any other: an error comes first in
// an answer, and the note that the message was stored before comes after the sequence.
func storedSequence(data []byte) (uint64, bool) {
	if !bytes.HasPrefix(data, pubAckBegin) || !bytes.HasSuffix(data, []byte("}")) {
		return 0, false
	}
	at := bytes.LastIndex(data, pubAckSequence)
	if at < 0 {
		return 0, false
	}
	sequence, err := strconv.ParseUint(string(data[at+len(pubAckSequence):len(data)-1]), 10, 64)
	return sequence, err == nil
}
