// SPDX-License-Identifier: Apache-2.0

package parser

import "bytes"

// WithExtraArgs appends comma-separated JSON values to the arguments of an encoded event. It does
// not change e.
func (c Codec) WithExtraArgs(e Encoded, values []byte) Encoded {
	if c == Msgpack {
		return withExtraArgsMsgpack(e, values)
	}
	return withExtraArgsJSON(e, values)
}

// withExtraArgsJSON inserts the values before the last bracket. The comma is always right: every
// event has at least its name.
func withExtraArgsJSON(e Encoded, values []byte) Encoded {
	end := bytes.LastIndexByte(e.Text, ']')
	if end < 0 {
		return e
	}
	text := make([]byte, 0, len(e.Text)+len(values)+1)
	text = append(text, e.Text[:end]...)
	text = append(text, ',')
	text = append(text, values...)
	text = append(text, ']')
	e.Text, e.Message = text, nil
	return e
}

func withExtraArgsMsgpack(e Encoded, values []byte) Encoded {
	p, err := Msgpack.Decode(e)
	if err != nil {
		return e // from a gateway with another parser; clients cannot read the event either way
	}
	p.Payload = appendArguments(p.Payload, values)
	next := Msgpack.Encode(p)
	next.Uncompressed = e.Uncompressed
	return next
}

// appendArguments adds values to a JSON array.
func appendArguments(list, values []byte) []byte {
	list = bytes.TrimRight(list, " \t\r\n")
	if len(list) == 0 {
		list = emptyList
	}
	out := append([]byte(nil), list[:len(list)-1]...)
	if len(bytes.TrimSpace(out)) > 1 {
		out = append(out, ',')
	}
	return append(append(out, values...), ']')
}
