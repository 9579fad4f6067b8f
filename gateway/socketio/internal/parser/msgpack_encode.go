// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

func (p *Packet) encodeMsgpack() Encoded {
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	if err := writeMsgpack(enc, p); err != nil {
		// Payloads of clients have been checked, and NewArgs writes valid JSON. Only a program that
		// passes other bytes to EmitArgs gets here. Its clients receive the event without arguments.
		buf.Reset()
		bare := *p
		bare.Payload, bare.Attachments = nil, nil
		_ = writeMsgpack(enc, &bare) // writes to memory
	}
	return Encoded{Attachments: [][]byte{buf.Bytes()}}
}

// writeMsgpack writes {type, nsp, data, id}, the last two if there are any.
func writeMsgpack(enc *msgpack.Encoder, p *Packet) error {
	payload := p.Payload
	if p.Type == Event {
		if len(payload) == 0 {
			payload = emptyList
		}
		payload = appendEvent(nil, p.Event, payload)
	}
	fields := 2
	if p.HasID {
		fields++
	}
	if len(payload) > 0 {
		fields++
	}
	err := errors.Join(
		enc.EncodeMapLen(fields),
		enc.EncodeString("type"), enc.EncodeInt(int64(p.Type-Connect)),
		enc.EncodeString("nsp"), enc.EncodeString(p.Namespace),
	)
	if p.HasID {
		err = errors.Join(err, enc.EncodeString("id"), enc.EncodeUint(p.ID))
	}
	if len(payload) == 0 || err != nil {
		return err
	}
	data, err := parseJSON(payload)
	if err != nil {
		return err
	}
	return errors.Join(enc.EncodeString("data"), data.write(enc, p.Attachments))
}

// jsonValue is a decoded JSON value with its keys in their original order.
type jsonValue struct {
	// scalar is a string, a json.Number, a bool or nil.
	scalar any
	// kind is '[' or '{' for what holds items, else 0.
	kind  json.Delim
	keys  []string
	items []jsonValue
}

func parseJSON(data []byte) (jsonValue, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return readJSON(dec)
}

func readJSON(dec *json.Decoder) (jsonValue, error) {
	token, err := dec.Token()
	if err != nil {
		return jsonValue{}, fmt.Errorf("read JSON: %w", err)
	}
	kind, ok := token.(json.Delim)
	if !ok {
		return jsonValue{scalar: token}, nil
	}
	v := jsonValue{kind: kind}
	for dec.More() {
		if kind == '{' {
			key, err := dec.Token()
			if err != nil {
				return jsonValue{}, fmt.Errorf("read JSON: %w", err)
			}
			v.keys = append(v.keys, key.(string)) // Token refuses any other key
		}
		item, err := readJSON(dec)
		if err != nil {
			return jsonValue{}, err
		}
		v.items = append(v.items, item)
	}
	if _, err = dec.Token(); err != nil { // the closing bracket
		return jsonValue{}, fmt.Errorf("read JSON: %w", err)
	}
	return v, nil
}

func (v *jsonValue) write(enc *msgpack.Encoder, attachments [][]byte) error {
	if i := v.placeholder(); i >= 0 && i < len(attachments) {
		return enc.EncodeBytes(attachments[i])
	}
	switch v.kind {
	case '[':
		if err := enc.EncodeArrayLen(len(v.items)); err != nil {
			return err
		}
	case '{':
		if err := enc.EncodeMapLen(len(v.items)); err != nil {
			return err
		}
	default:
		return v.writeScalar(enc)
	}
	for i := range v.items {
		if v.kind == '{' {
			if err := enc.EncodeString(v.keys[i]); err != nil {
				return err
			}
		}
		if err := v.items[i].write(enc, attachments); err != nil {
			return err
		}
	}
	return nil
}

func (v *jsonValue) writeScalar(enc *msgpack.Encoder) error {
	number, ok := v.scalar.(json.Number)
	if !ok {
		return enc.Encode(v.scalar)
	}
	return writeNumber(enc, number.String())
}

// writeNumber writes an integer if the number has neither fraction nor exponent and fits, and otherwise a
// float; see transcoder.float.
func writeNumber(enc *msgpack.Encoder, number string) error {
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && number != "-0" {
		return enc.EncodeInt(n)
	}
	if n, err := strconv.ParseUint(number, 10, 64); err == nil {
		return enc.EncodeUint(n)
	}
	f, _ := strconv.ParseFloat(number, 64) // infinite beyond the range of a double, as in JavaScript
	if strings.Contains(number, "E") && float64(float32(f)) == f {
		return enc.EncodeFloat32(float32(f))
	}
	return enc.EncodeFloat64(f)
}

// placeholder is the attachment that the value stands for, or -1.
func (v *jsonValue) placeholder() int {
	if v.kind != '{' {
		return -1
	}
	index, marked := -1, false
	for i, key := range v.keys {
		switch key {
		case "_placeholder":
			marked = v.items[i].scalar == true
		case "num":
			number, _ := v.items[i].scalar.(json.Number)
			if n, err := strconv.Atoi(number.String()); err == nil {
				index = n
			}
		}
	}
	if !marked {
		return -1
	}
	return index
}
