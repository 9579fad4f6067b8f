// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// maxMsgpackAttachments bounds the binary values of a packet. The format has no bound, but an empty
// value takes two bytes on the wire, and many times that once it is decoded.
const maxMsgpackAttachments = 1000

var errTextMsgpack = errors.New("text message, msgpack is binary")

func decodeEncodedMsgpack(e Encoded) (*Packet, error) {
	if len(e.Text) > 0 || len(e.Attachments) != 1 {
		return nil, errors.New("packet is not msgpack")
	}
	return decodeMsgpack(e.Attachments[0])
}

// transcoder reads msgpack and writes JSON.
type transcoder struct {
	in          *msgpack.Decoder
	rest        *bytes.Reader
	out         []byte
	attachments [][]byte
}

func decodeMsgpack(data []byte) (*Packet, error) {
	rest := bytes.NewReader(data)
	t := &transcoder{in: msgpack.NewDecoder(rest), rest: rest}
	n, err := t.in.DecodeMapLen()
	if err != nil {
		return nil, fmt.Errorf("decode packet: %w", err)
	}
	p := &Packet{}
	for range n {
		if err := t.field(p); err != nil {
			return nil, err
		}
	}
	if rest.Len() > 0 {
		return nil, fmt.Errorf("%d bytes behind the packet", rest.Len())
	}
	return p, p.checkMsgpack(t.attachments)
}

func (t *transcoder) field(p *Packet) error {
	name, err := t.bytes()
	if err != nil {
		return fmt.Errorf("decode key of packet: %w", err)
	}
	key := string(name)
	switch key {
	case "type":
		n, err := t.in.DecodeInt64()
		if err != nil || n < 0 || n > 4 {
			return errors.New("packet without a type")
		}
		p.Type = Connect + Type(n)
		return nil
	case "nsp":
		namespace, err := t.bytes()
		if err != nil || !utf8.Valid(namespace) {
			return errors.New("namespace is not a string")
		}
		p.Namespace = string(namespace)
		return nil
	}
	start := len(t.out)
	if err := t.value(0); err != nil {
		return fmt.Errorf("decode %.20q: %w", key, err)
	}
	value := t.out[start:len(t.out):len(t.out)]
	switch key {
	case "id":
		return p.setMsgpackID(value)
	case "data":
		p.Payload = value
	}
	return nil // the reference's client sends options, which are its own
}

func (p *Packet) setMsgpackID(value []byte) error {
	if string(value) == "null" {
		return nil
	}
	id, err := strconv.ParseUint(string(bytes.TrimSuffix(value, floatMark)), 10, 63)
	if err != nil {
		return fmt.Errorf("acknowledgement id %.20s", value)
	}
	p.ID, p.HasID = id, true
	return nil
}

// checkMsgpack checks the payload as decodePayload does for JSON.
func (p *Packet) checkMsgpack(attachments [][]byte) error {
	switch {
	case p.Type == 0:
		return errors.New("packet without a type")
	case p.Namespace == "" || p.Namespace[0] != '/' || bytes.ContainsRune([]byte(p.Namespace), ','):
		return fmt.Errorf("namespace %.40q", p.Namespace)
	}
	if string(p.Payload) == "null" {
		p.Payload = nil
	}
	switch {
	case p.Type == Connect && (len(p.Payload) == 0 || p.Payload[0] == '{'):
		return nil
	case p.Type == Disconnect && len(p.Payload) == 0:
		return nil
	case (p.Type == Event || p.Type == Ack) && len(p.Payload) > 0 && p.Payload[0] == '[':
		if err := namedOnce(p.Payload, len(attachments)); err != nil {
			return err
		}
		p.Attachments = attachments
		if p.Type == Event {
			return p.takeEventName()
		}
		return nil
	}
	return fmt.Errorf("payload %.20s does not fit packet type %q", p.Payload, byte(p.Type))
}

// namedOnce refuses a map that looks like the placeholder of a binary value elsewhere in the
// packet. When the packet is encoded again, each such map would become a copy of that value.
func namedOnce(payload []byte, attachments int) error {
	if attachments == 0 {
		return nil
	}
	named := make([]bool, attachments)
	for _, place := range placeholder.Find(payload) {
		if place.Num < 0 || place.Num >= attachments {
			continue // stays a map when it is encoded again
		}
		if named[place.Num] {
			return fmt.Errorf("a map looks like binary value %d", place.Num)
		}
		named[place.Num] = true
	}
	return nil
}

// value transcodes the next value.
func (t *transcoder) value(depth int) error {
	if depth > jsonscan.MaxDepth {
		return fmt.Errorf("nested more than %d levels deep", jsonscan.MaxDepth)
	}
	code, err := t.in.PeekCode()
	if err != nil {
		return err
	}
	switch {
	case code == msgpcode.Nil:
		t.out = append(t.out, "null"...)
		return t.in.DecodeNil()
	case code == msgpcode.True || code == msgpcode.False:
		v, err := t.in.DecodeBool()
		t.out = strconv.AppendBool(t.out, v)
		return err
	case code == msgpcode.Float || code == msgpcode.Double:
		return t.float(code)
	case code == msgpcode.Uint64:
		v, err := t.in.DecodeUint64()
		t.out = strconv.AppendUint(t.out, v, 10)
		return err
	case msgpcode.IsFixedNum(code) || code >= msgpcode.Uint8 && code <= msgpcode.Int64:
		v, err := t.in.DecodeInt64()
		t.out = strconv.AppendInt(t.out, v, 10)
		return err
	case msgpcode.IsString(code):
		return t.string()
	}
	return t.compound(code, depth)
}

// compound transcodes binary values, arrays, maps and extensions.
func (t *transcoder) compound(code byte, depth int) error {
	switch {
	case msgpcode.IsBin(code):
		v, err := t.bytes()
		if err != nil {
			return err
		}
		return t.attach(v)
	case msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32:
		return t.array(depth)
	case msgpcode.IsFixedMap(code) || code == msgpcode.Map16 || code == msgpcode.Map32:
		return t.object(depth)
	case msgpcode.IsExt(code):
		return t.extension()
	}
	return fmt.Errorf("byte %#x begins no value", code)
}

// Floats are written such that writeNumber can distinguish them from integers, and float32 from
// float64: 1.0 is a float64 and 1E0 a float32. Clients in JavaScript see no difference, others do.
var (
	floatMark   = []byte(".0")
	float32Mark = []byte("E0")
)

func (t *transcoder) float(code byte) error {
	v, err := t.in.DecodeFloat64()
	switch {
	case err != nil:
		return err
	case math.IsNaN(v):
		t.out = append(t.out, "null"...) // as JSON.stringify does
		return nil
	}
	start := len(t.out)
	if math.IsInf(v, 0) {
		t.out = append(t.out, infinity(v)...)
	} else if t.out, err = plainjson.Append(t.out, v); err != nil {
		return err
	}
	text := t.out[start:]
	exponent := bytes.IndexByte(text, 'e')
	switch {
	case code == msgpcode.Float && exponent >= 0:
		text[exponent] = 'E'
	case code == msgpcode.Float:
		t.out = append(t.out, float32Mark...)
	case exponent < 0 && bytes.IndexByte(text, '.') < 0:
		t.out = append(t.out, floatMark...)
	}
	return nil
}

// infinity returns a number beyond the range of a double, which JSON.parse reads as Infinity.
func infinity(v float64) string {
	if v < 0 {
		return "-1e400"
	}
	return "1e400"
}

func (t *transcoder) string() error {
	v, err := t.bytes()
	if err != nil {
		return err
	}
	if !utf8.Valid(v) {
		return errors.New("string is not UTF-8")
	}
	t.out = plainjson.AppendString(t.out, string(v))
	return nil
}

// bytes reads a string or a binary value. The library would allocate any length that is announced.
func (t *transcoder) bytes() ([]byte, error) {
	n, err := t.in.DecodeBytesLen()
	if err != nil {
		return nil, err
	}
	return t.take(max(n, 0)) // nil has -1
}

// take reads n bytes.
func (t *transcoder) take(n int) ([]byte, error) {
	if n > t.rest.Len() {
		return nil, fmt.Errorf("%d bytes announced, %d are there", n, t.rest.Len())
	}
	data := make([]byte, n)
	return data, t.in.ReadFull(data)
}

func (t *transcoder) attach(data []byte) error {
	if len(t.attachments) >= maxMsgpackAttachments {
		return fmt.Errorf("more than %d binary values", maxMsgpackAttachments)
	}
	t.out = placeholder.Append(t.out, len(t.attachments))
	t.attachments = append(t.attachments, data)
	return nil
}

func (t *transcoder) array(depth int) error {
	n, err := t.in.DecodeArrayLen()
	if err != nil {
		return err
	}
	t.out = append(t.out, '[')
	for i := range n {
		if i > 0 {
			t.out = append(t.out, ',')
		}
		if err := t.value(depth + 1); err != nil {
			return err
		}
	}
	t.out = append(t.out, ']')
	return nil
}

func (t *transcoder) object(depth int) error {
	n, err := t.in.DecodeMapLen()
	if err != nil {
		return err
	}
	t.out = append(t.out, '{')
	first := true
	for range n {
		before := len(t.out)
		if !first {
			t.out = append(t.out, ',')
		}
		if err := t.key(); err != nil {
			return err
		}
		undefined := t.atUndefined()
		t.out = append(t.out, ':')
		if err := t.value(depth + 1); err != nil {
			return err
		}
		if undefined {
			t.out = t.out[:before] // as JSON.stringify does
			continue
		}
		first = false
	}
	t.out = append(t.out, '}')
	return nil
}

// atUndefined reports whether the next value is JavaScript's undefined.
func (t *transcoder) atUndefined() bool {
	var head [2]byte
	_, err := t.rest.ReadAt(head[:], t.rest.Size()-int64(t.rest.Len()))
	return err == nil && head == [2]byte{msgpcode.FixExt1, extUndefinedOrBuffer}
}

func (t *transcoder) key() error {
	code, err := t.in.PeekCode()
	if err != nil {
		return err
	}
	if !msgpcode.IsString(code) {
		return errors.New("key is not a string")
	}
	return t.string()
}

// The extension types that notepack, the reference's library, writes.
const (
	extUndefinedOrBuffer = 0
	extTimestamp         = -1
)

func (t *transcoder) extension() error {
	code, err := t.in.PeekCode()
	if err != nil {
		return err
	}
	typ, n, err := t.in.DecodeExtHeader()
	if err != nil {
		return err
	}
	data, err := t.take(n)
	if err != nil {
		return err
	}
	switch {
	case typ == extUndefinedOrBuffer && code == msgpcode.FixExt1:
		t.out = append(t.out, "null"...) // undefined in a list, as JSON.stringify writes it
		return nil
	case typ == extUndefinedOrBuffer && code == msgpcode.FixExt8:
		return t.date(time.UnixMilli(int64(binary.BigEndian.Uint64(data)))) // a Date of old versions
	case typ == extUndefinedOrBuffer:
		return t.attach(data) // an ArrayBuffer
	case typ == extTimestamp:
		return t.timestamp(data)
	}
	return fmt.Errorf("extension type %d", typ)
}

// timestamp reads the extension type of the msgpack specification.
func (t *transcoder) timestamp(data []byte) error {
	switch len(data) {
	case 4:
		return t.date(time.Unix(int64(binary.BigEndian.Uint32(data)), 0))
	case 8:
		v := binary.BigEndian.Uint64(data)
		return t.date(time.Unix(int64(v&(1<<34-1)), int64(v>>34)))
	case 12:
		return t.date(time.Unix(int64(binary.BigEndian.Uint64(data[4:])), int64(binary.BigEndian.Uint32(data))))
	}
	return fmt.Errorf("timestamp of %d bytes", len(data))
}

// date writes a Date like JSON.stringify.
func (t *transcoder) date(v time.Time) error {
	v = v.UTC()
	if year := v.Year(); year < 0 || year > 9999 {
		return errors.New("date out of range")
	}
	t.out = v.AppendFormat(t.out, `"2006-01-02T15:04:05.000Z"`)
	return nil
}
