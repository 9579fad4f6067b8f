// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

func (p *Packet) encodeMsgpack() Encoded {
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	if err := writeMsgpack(enc, p); err != nil {
		// Payloads of clients have been checked, and NewArgs writes valid JSON. Only other bytes
		// that a program passes to EmitArgs get here. Its clients receive the event without
		// arguments.
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
	if !json.Valid(payload) {
		return errors.New("payload is not JSON")
	}
	w := msgpackWriter{enc: enc, data: payload, attachments: p.Attachments}
	w.containers = containersOf(payload, len(p.Attachments))
	if err := enc.EncodeString("data"); err != nil {
		return err
	}
	_, err = w.value(jsonscan.SkipSpace(payload, 0))
	return err
}

// msgpackWriter transcodes a JSON value. Msgpack has the length of a list or map in front of it, so
// these are counted beforehand, in a separate pass.
type msgpackWriter struct {
	enc         *msgpack.Encoder
	data        []byte
	attachments [][]byte
	// containers are the lists and maps in the order in which they begin; seen of them have begun.
	containers []container
	seen       int
}

// value writes the value that begins at i, and returns where it ends.
func (w *msgpackWriter) value(i int) (end int, err error) {
	switch w.data[i] {
	case '[':
		return w.list(i)
	case '{':
		return w.object(i)
	}
	end = jsonscan.ValueEnd(w.data, i)
	return end, w.scalar(w.data[i:end])
}

func (w *msgpackWriter) list(i int) (end int, err error) {
	if err := w.enc.EncodeArrayLen(w.begin().items); err != nil {
		return 0, err
	}
	for i = jsonscan.First(w.data, i); w.data[i] != ']'; i = jsonscan.Next(w.data, i) {
		if i, err = w.value(i); err != nil {
			return 0, err
		}
	}
	return i + 1, nil
}

func (w *msgpackWriter) object(i int) (end int, err error) {
	c := w.begin()
	if c.marked && c.num >= 0 {
		w.seen = c.next
		return jsonscan.ValueEnd(w.data, i), w.enc.EncodeBytes(w.attachments[c.num])
	}
	if err := w.enc.EncodeMapLen(c.items); err != nil {
		return 0, err
	}
	for i = jsonscan.First(w.data, i); w.data[i] != '}'; i = jsonscan.Next(w.data, i) {
		name := jsonscan.StringEnd(w.data, i)
		if err := w.enc.EncodeString(unquote(w.data[i:name])); err != nil {
			return 0, err
		}
		if i, err = w.value(jsonscan.MemberValue(w.data, name)); err != nil {
			return 0, err
		}
	}
	return i + 1, nil
}

// begin returns the next list or map.
func (w *msgpackWriter) begin() *container {
	c := &w.containers[w.seen]
	w.seen++
	return c
}

func (w *msgpackWriter) scalar(raw []byte) error {
	switch raw[0] {
	case '"':
		return w.enc.EncodeString(unquote(raw))
	case 't', 'f':
		return w.enc.EncodeBool(raw[0] == 't')
	case 'n':
		return w.enc.EncodeNil()
	}
	return writeNumber(w.enc, string(raw))
}

// unquote returns the text of a JSON string. Invalid UTF-8 becomes U+FFFD.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	var text string
	_ = json.Unmarshal(raw, &text) // a valid string
	return text
}

// container describes a list or map before it is written.
type container struct {
	items int
	// num is the index of the attachment that a placeholder names; -1 for anything else.
	num int
	// next is the number of containers that begin before this one ends.
	next           int
	object, marked bool
}

// containersOf finds the lists and maps of a valid JSON value, in the order in which they begin, in
// one pass at any depth. A placeholder is recognized by its own members: unlike for
// placeholder.Find, one may be within a map that looks like a placeholder and names nothing.
func containersOf(data []byte, attachments int) []container {
	var all []container
	var open []int  // of all
	atName := false // the next string is a member's name
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '[', '{':
			next := container{object: c == '{', num: -1}
			if data[jsonscan.First(data, i)] != c+2 { // ']' and '}' are two after '[' and '{'
				next.items = 1
			}
			open, all = append(open, len(all)), append(all, next)
			atName = next.object
		case ']', '}':
			all[open[len(open)-1]].next = len(all)
			open = open[:len(open)-1]
		case ',':
			parent := &all[open[len(open)-1]]
			parent.items++
			atName = parent.object
		case '"':
			end := jsonscan.StringEnd(data, i)
			if atName {
				all[open[len(open)-1]].member(data, i, end, attachments)
				atName = false
			}
			i = end - 1
		}
	}
	return all
}

// member takes the member whose name is between start and end. The last of equal names counts.
func (c *container) member(data []byte, start, end, attachments int) {
	if attachments == 0 {
		return
	}
	value := jsonscan.MemberValue(data, end)
	switch unquote(data[start:end]) {
	case "_placeholder":
		c.marked = data[value] == 't'
	case "num":
		if data[value] == '[' || data[value] == '{' || data[value] == '"' {
			return
		}
		n, err := strconv.Atoi(string(data[value:jsonscan.ValueEnd(data, value)]))
		if err != nil {
			return
		}
		if c.num = -1; n >= 0 && n < attachments {
			c.num = n
		}
	}
}

// writeNumber writes an integer if the number has neither fraction nor exponent and fits, and
// otherwise a float; see transcoder.float.
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
