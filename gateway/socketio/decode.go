// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// MaxAttachments is the most attachments that a packet may announce (socket.io-parser 4.2.6 and later).
const MaxAttachments = 10

// maxDepth is how deep a payload may be nested. It bounds the work of those who look into it level by level.
const maxDepth = 512

var (
	errUnexpectedText   = errors.New("text while attachments are awaited")
	errUnexpectedBinary = errors.New("binary message without a packet that announces it")
)

// decoder puts the Engine.IO messages of one connection together to packets. Not safe for concurrent use.
type decoder struct {
	waiting *packet
	missing int
}

// addText takes a text message. It returns nil, nil while the packet's attachments are still to come.
func (d *decoder) addText(data []byte) (*packet, error) {
	if d.waiting != nil {
		return nil, errUnexpectedText
	}
	p, attachments, err := decodePacket(data)
	if err != nil {
		return nil, err
	}
	if attachments == 0 {
		return p, nil
	}
	d.waiting, d.missing = p, attachments
	p.attachments = make([][]byte, 0, attachments)
	return nil, nil
}

// addBinary takes a binary message; the last one completes the packet.
func (d *decoder) addBinary(data []byte) (*packet, error) {
	if d.waiting == nil {
		return nil, errUnexpectedBinary
	}
	d.waiting.attachments = append(d.waiting.attachments, data)
	d.missing--
	if d.missing > 0 {
		return nil, nil
	}
	p := d.waiting
	d.waiting = nil
	return p, nil
}

// decodePacket reads one packet and how many attachments it announces. It keeps, and for an event writes into, data.
func decodePacket(data []byte) (*packet, int, error) {
	if len(data) == 0 {
		return nil, 0, errors.New("empty packet")
	}
	if !utf8.Valid(data) {
		// Relayed, it would end the websocket of everybody who receives it (RFC 6455 section 8.1).
		return nil, 0, errors.New("packet is not UTF-8")
	}
	p := &packet{typ: packetType(data[0]), namespace: "/"}
	if p.typ < packetConnect || p.typ > packetBinaryAck {
		return nil, 0, fmt.Errorf("unknown packet type %q", data[0])
	}
	rest := data[1:]

	attachments := 0
	if p.typ == packetBinaryEvent || p.typ == packetBinaryAck {
		var err error
		if attachments, rest, err = decodeAttachmentCount(rest); err != nil {
			return nil, 0, err
		}
		p.typ -= packetBinaryEvent - packetEvent
	}
	if len(rest) > 0 && rest[0] == '/' {
		p.namespace, rest = decodeNamespace(rest)
	}
	var err error
	if rest, err = p.decodeID(rest); err != nil {
		return nil, 0, err
	}
	if err := p.decodePayload(rest, attachments); err != nil {
		return nil, 0, err
	}
	return p, attachments, nil
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

func (p *packet) decodeID(data []byte) ([]byte, error) {
	end := countDigits(data)
	if end == 0 {
		return data, nil
	}
	id, err := strconv.ParseUint(string(data[:end]), 10, 64)
	if err != nil || id > math.MaxInt64 {
		return nil, fmt.Errorf("acknowledgement id %.20s is too large", data[:end])
	}
	p.id, p.hasID = id, true
	return data[end:], nil
}

func countDigits(data []byte) int {
	n := 0
	for n < len(data) && data[n] >= '0' && data[n] <= '9' {
		n++
	}
	return n
}

// decodePayload checks that the payload fits the type. An EVENT or ACK without any payload is legal and empty:
// the reference accepts and ignores it.
func (p *packet) decodePayload(data []byte, attachments int) error {
	if len(data) == 0 {
		if attachments > 0 {
			return errors.New("binary packet without payload")
		}
		return nil
	}
	if !json.Valid(data) {
		return errors.New("payload is not JSON")
	}
	if tooDeep(data) {
		return fmt.Errorf("payload is nested more than %d levels deep", maxDepth)
	}
	data = trimSpace(data)
	switch p.typ {
	case packetConnect:
		if data[0] != '{' {
			return errors.New("payload of CONNECT is not an object")
		}
	case packetEvent, packetAck:
		if data[0] != '[' {
			return errors.New("payload is not a list")
		}
	case packetDisconnect:
		return errors.New("DISCONNECT with a payload")
	default:
		return errors.New("CONNECT_ERROR from a client")
	}
	if attachments > 0 {
		if err := checkPlaceholders(data, attachments); err != nil {
			return err
		}
	}
	p.payload = data
	if p.typ == packetEvent {
		return p.takeEventName()
	}
	return nil
}

// tooDeep tells whether valid JSON is nested beyond maxDepth. Counting brackets is much cheaper than following them, and most
// packets have few.
func tooDeep(data []byte) bool {
	if bytes.Count(data, []byte{'['})+bytes.Count(data, []byte{'{'}) <= maxDepth {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			inString = !inString
		case c == '\\':
			i++ // only strings have them
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// takeEventName moves the first element of the payload to event. The bytes stay where they are: the comma behind
// the name becomes the bracket that opens the list of arguments.
func (p *packet) takeEventName() error {
	name, end := firstElement(p.payload)
	if err := p.setEventName(name); err != nil {
		return err
	}
	if p.payload[end] == ']' {
		p.payload = emptyList
		return nil
	}
	p.payload[end] = '['
	p.payload = p.payload[end:]
	return nil
}

func (p *packet) setEventName(raw []byte) error {
	if len(raw) == 0 {
		return errors.New("event without a name")
	}
	switch {
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &p.event); err != nil {
			return fmt.Errorf("decode event name: %w", err)
		}
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		p.event = string(raw) // integer event names are legal
	default:
		return fmt.Errorf("event name %.20s is neither a string nor a number", raw)
	}
	if IsReservedEvent(p.event) {
		return fmt.Errorf("event name %q is reserved", p.event)
	}
	return nil
}

// firstElement is the first element of a valid JSON array, and the index of the comma or bracket that ends it.
// Only scalars are told apart: of a nested value it returns the opening bracket, which is no event name anyway.
func firstElement(list []byte) ([]byte, int) {
	start := 1
	for isSpace(list[start]) {
		start++
	}
	end := start
	switch list[start] {
	case ']', '[', '{':
		if list[start] != ']' {
			end++
		}
		return list[start:end], end
	case '"':
		for end++; list[end] != '"'; end++ {
			if list[end] == '\\' {
				end++
			}
		}
		end++
	default:
		for list[end] != ',' && list[end] != ']' && !isSpace(list[end]) {
			end++
		}
	}
	element := list[start:end]
	for isSpace(list[end]) {
		end++
	}
	return element, end
}

// checkPlaceholders refuses a packet with a placeholder that names no attachment. Relayed as it is, it would break the
// connection of everybody who receives it.
func checkPlaceholders(data []byte, attachments int) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("decode payload with attachments: %w", err)
	}
	return walkPlaceholders(v, attachments)
}

func walkPlaceholders(v any, attachments int) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := walkPlaceholders(e, attachments); err != nil {
				return err
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			num, ok := v["num"].(float64)
			if !ok || num != math.Trunc(num) || num < 0 || num >= float64(attachments) {
				return fmt.Errorf("placeholder names attachment %v of %d", v["num"], attachments)
			}
			return nil
		}
		for _, e := range v {
			if err := walkPlaceholders(e, attachments); err != nil {
				return err
			}
		}
	}
	return nil
}

func trimSpace(data []byte) []byte {
	for isSpace(data[0]) {
		data = data[1:]
	}
	for isSpace(data[len(data)-1]) {
		data = data[:len(data)-1]
	}
	return data
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
