// SPDX-License-Identifier: Apache-2.0

package cluster

import "encoding/binary"

// The numbers of what a gateway says of itself, on the wire. Gateways of two releases meet in every rollout: one passes
// over what it does not know, so that others may be added; a number is never given to something else.
const peerFieldAddress = 1

// peerFields are what a gateway says of itself behind its id: for each a number and the value's length, as uvarints, and
// the value. What is empty is left out.
type peerFields struct {
	// address is the host and port on which its peers reach it.
	address string
}

func (f peerFields) append(buf []byte) []byte {
	if f.address != "" {
		buf = binary.AppendUvarint(buf, peerFieldAddress)
		buf = appendBytes(buf, f.address)
	}
	return buf
}

func decodePeerFields(data []byte) (peerFields, error) {
	var f peerFields
	r := reader{rest: data}
	for len(r.rest) > 0 {
		number, value := r.uvarint(), r.bytes()
		if r.err != nil {
			return peerFields{}, r.err
		}
		if number == peerFieldAddress {
			f.address = string(value)
		}
	}
	return f, nil
}
