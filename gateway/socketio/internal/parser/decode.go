// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
)

// MaxAttachments is the maximum number of attachments of a packet (socket.io-parser 4.2.6 and
// later).
const MaxAttachments = 10

var (
	errUnexpectedText   = errors.New("text while attachments are awaited")
	errUnexpectedBinary = errors.New("binary message without a packet that announces it")
)

// Decoder assembles packets from the Engine.IO messages of one connection. Not safe for concurrent
// use.
type Decoder struct{ waiting *incomplete }

// incomplete is a packet some of whose attachments are missing.
type incomplete struct {
	Packet
	missing int
}

// Add takes the next message. It stores a packet in p and returns true if the message completes
// one; false without an error means that attachments of the packet are still missing. Add retains
// data and may write into it. After an error the connection must be closed.
func (d *Decoder) Add(c Codec, data []byte, binary bool, p *Packet) (complete bool, err error) {
	switch {
	case c == JSON && binary:
		return d.addBinary(data, p)
	case c == JSON:
		return d.addText(data, p)
	case !binary:
		return false, errTextMsgpack
	}
	other, err := decodeMsgpack(data)
	if err != nil {
		return false, err
	}
	*p = *other
	return true, nil
}

// addText takes a text message: a packet, or the part of one that precedes its attachments.
func (d *Decoder) addText(data []byte, p *Packet) (complete bool, err error) {
	if d.waiting != nil {
		return false, errUnexpectedText
	}
	attachments, err := p.decode(data)
	if err != nil || attachments == 0 {
		return err == nil, err
	}
	d.waiting = &incomplete{*p, attachments}
	d.waiting.Attachments = make([][]byte, 0, attachments)
	return false, nil
}

// addBinary takes an attachment. The last one completes the packet.
func (d *Decoder) addBinary(data []byte, p *Packet) (complete bool, err error) {
	if d.waiting == nil {
		return false, errUnexpectedBinary
	}
	d.waiting.Attachments = append(d.waiting.Attachments, data)
	d.waiting.missing--
	if d.waiting.missing > 0 {
		return false, nil
	}
	*p = d.waiting.Packet
	d.waiting = nil
	return true, nil
}

// decodePacket decodes a packet, and returns the number of attachments that it announces. It
// retains data and, for an event, writes into it.
func decodePacket(data []byte) (*Packet, int, error) {
	p := &Packet{}
	attachments, err := p.decode(data)
	if err != nil {
		return nil, 0, err
	}
	return p, attachments, nil
}

// decode is decodePacket into an empty packet.
func (p *Packet) decode(data []byte) (attachments int, err error) {
	if len(data) == 0 {
		return 0, errors.New("empty packet")
	}
	if !utf8.Valid(data) {
		// If it were relayed, the websocket of each recipient would fail (RFC 6455 section 8.1).
		return 0, errors.New("packet is not UTF-8")
	}
	p.Type, p.Namespace = Type(data[0]), "/"
	if p.Type < Connect || p.Type > binaryAck {
		return 0, fmt.Errorf("unknown packet type %q", data[0])
	}
	rest := data[1:]

	if p.Type == binaryEvent || p.Type == binaryAck {
		if attachments, rest, err = decodeAttachmentCount(rest); err != nil {
			return 0, err
		}
		p.Type -= binaryEvent - Event
	}
	if len(rest) > 0 && rest[0] == '/' {
		p.Namespace, rest = decodeNamespace(rest)
	}
	if rest, err = p.decodeID(rest); err != nil {
		return 0, err
	}
	return attachments, p.decodePayload(rest, attachments)
}

func decodeAttachmentCount(data []byte) (int, []byte, error) {
	end := countDigits(data)
	if end == 0 || end == len(data) || data[end] != '-' {
		return 0, nil, errors.New("binary packet without a number of attachments")
	}
	n, err := strconv.Atoi(string(data[:end]))
	if err != nil || n < 1 || n > MaxAttachments {
		return 0, nil, fmt.Errorf("%.20s attachments announced, 1 to %d are allowed", data[:end], MaxAttachments)
	}
	return n, data[end+1:], nil
}

func decodeNamespace(data []byte) (string, []byte) {
	for i, c := range data {
		if c == ',' {
			return string(data[:i]), data[i+1:]
		}
	}
	return string(data), nil
}

func (p *Packet) decodeID(data []byte) ([]byte, error) {
	end := countDigits(data)
	if end == 0 {
		return data, nil
	}
	id, err := strconv.ParseUint(string(data[:end]), 10, 63)
	if err != nil {
		return nil, fmt.Errorf("acknowledgement id %.20s is too large", data[:end])
	}
	p.ID, p.HasID = id, true
	return data[end:], nil
}

func countDigits(data []byte) int {
	n := 0
	for n < len(data) && data[n] >= '0' && data[n] <= '9' {
		n++
	}
	return n
}

// decodePayload checks that the payload fits the type. An EVENT or ACK without any payload is legal
// and empty: the reference accepts and ignores it.
func (p *Packet) decodePayload(data []byte, attachments int) error {
	if len(data) == 0 {
		if attachments > 0 {
			return errors.New("binary packet without payload")
		}
		return nil
	}
	if err := jsonscan.Check(data); err != nil {
		return err
	}
	if data[0] <= ' ' || data[len(data)-1] <= ' ' { // hardly any has
		data = bytes.TrimSpace(data)
	}
	switch p.Type {
	case Connect:
		if data[0] != '{' {
			return errors.New("payload of CONNECT is not an object")
		}
	case Event, Ack:
		if data[0] != '[' {
			return errors.New("payload is not a list")
		}
	case Disconnect:
		return errors.New("DISCONNECT with a payload")
	default:
		return errors.New("CONNECT_ERROR from a client")
	}
	if attachments > 0 {
		if err := checkPlaceholders(data, attachments); err != nil {
			return err
		}
	}
	p.Payload = data
	if p.Type == Event {
		return p.takeEventName()
	}
	return nil
}

// takeEventName moves the first element of the payload to Event. No bytes are copied: the comma
// after the name is overwritten with the bracket that opens the argument list.
func (p *Packet) takeEventName() error {
	name, end := firstElement(p.Payload)
	if err := p.setEventName(name); err != nil {
		return err
	}
	if p.Payload[end] == ']' {
		p.Payload = emptyList
		return nil
	}
	p.Payload[end] = '['
	p.Payload = p.Payload[end:]
	return nil
}

func (p *Packet) setEventName(raw []byte) error {
	if len(raw) == 0 {
		return errors.New("event without a name")
	}
	switch {
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		p.Event = string(raw[1 : len(raw)-1])
	case raw[0] == '"':
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return fmt.Errorf("decode event name: %w", err)
		}
		p.Event = name
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		p.Event = string(raw) // integer event names are legal
	default:
		return fmt.Errorf("event name %.20s is neither a string nor a number", raw)
	}
	if IsReservedEvent(p.Event) {
		return fmt.Errorf("event name %q is reserved", p.Event)
	}
	return nil
}

// IsReservedEvent reports whether Socket.IO reserves the name (socket.io-parser, RESERVED_EVENTS).
func IsReservedEvent(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// firstElement returns the first element of a valid JSON array, and the index of the comma or
// bracket that ends it. For a nested value, which cannot name an event, it returns only the opening
// bracket.
func firstElement(list []byte) ([]byte, int) {
	start := jsonscan.First(list, 0)
	var end int
	switch list[start] {
	case ']':
		return nil, start
	case '[', '{':
		return list[start : start+1], start + 1
	case '"':
		end = jsonscan.StringEnd(list, start)
	default:
		end = jsonscan.ValueEnd(list, start)
	}
	return list[start:end], jsonscan.SkipSpace(list, end)
}

// checkPlaceholders refuses a placeholder that names no attachment: if it were relayed, each
// recipient would close its connection. It also refuses more placeholders than a packet may have
// attachments: each takes some 30 bytes of JSON, and would become a copy of a whole attachment when
// arguments are decoded into a struct.
func checkPlaceholders(data []byte, attachments int) error {
	places := placeholder.Find(data)
	if len(places) > MaxAttachments {
		return fmt.Errorf("%d placeholders, %d are allowed", len(places), MaxAttachments)
	}
	for _, p := range places {
		if p.Num < 0 || p.Num >= attachments {
			return fmt.Errorf("placeholder %.60s names none of %d attachments", data[p.Start:p.End], attachments)
		}
	}
	return nil
}
