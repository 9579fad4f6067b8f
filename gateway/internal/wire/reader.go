// SPDX-License-Identifier: Apache-2.0

// Package wire has the formats in which gateways of a service write to NATS and store there, byte
// for byte: subjects, ids, and the encoding of events. Gateways of two releases meet in every
// rollout, so golden files pin the formats (docs/decisions/0025).
package wire

import (
	"encoding/binary"
	"errors"
)

var errShort = errors.New("message ends early")

// Reader reads the values of a message; after an error it returns zero values.
type Reader struct {
	Rest []byte
	Err  error
}

// Uvarint reads a number.
func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.Err, r.Rest = errShort, nil
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Count reads a number of items that take at least one byte each, so that no message can announce
// more than it has.
func (r *Reader) Count() int {
	n := r.Uvarint()
	if n > uint64(len(r.Rest)) {
		r.Err, r.Rest = errShort, nil
		return 0
	}
	return int(n)
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.Rest) == 0 {
		r.Err = errShort
		return 0
	}
	b := r.Rest[0]
	r.Rest = r.Rest[1:]
	return b
}

// Bytes reads a length and that many bytes, which share memory with the message.
func (r *Reader) Bytes() []byte {
	n := r.Count()
	b := r.Rest[:n:n]
	r.Rest = r.Rest[n:]
	return b
}

// Text is Bytes as a string.
func (r *Reader) Text() string { return string(r.Bytes()) }

// Fields reads numbered fields until the data ends: for each a number and the value's length, as
// uvarints, and the value. Gateways of two releases meet in every rollout. A gateway ignores fields
// that it does not know, so that later releases can add some; a number is never reused.
func (r *Reader) Fields(take func(number uint64, value []byte)) error {
	for len(r.Rest) > 0 {
		number, value := r.Uvarint(), r.Bytes()
		if r.Err != nil {
			return r.Err
		}
		take(number, value)
	}
	return nil
}

// AppendBytes writes what Reader.Bytes reads.
func AppendBytes[T ~string | ~[]byte](buf []byte, s T) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(s)))
	return append(buf, s...)
}
