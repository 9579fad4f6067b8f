// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The kinds of Socket.IO's packets.
const (
	packetConnect      = '0'
	packetDisconnect   = '1'
	packetEvent        = '2'
	packetAck          = '3'
	packetConnectError = '4'
	packetBinaryEvent  = '5'
	packetBinaryAck    = '6'
)

// packet is a packet of the default parser (socket.io-protocol, revision 5).
type packet struct {
	kind      byte // never one of the binary ones
	namespace string
	id        int // -1: none
	data      any // nil: none
	// missing is the number of attachments that follow.
	missing     int
	attachments [][]byte
}

// encode returns the text of an Engine.IO packet, and the attachments behind it.
func (p *packet) encode() (text []byte, attachments [][]byte, err error) {
	data := removeAttachments(p.data, &attachments)
	text = []byte{engineMessage, p.kind}
	if len(attachments) > 0 {
		text[1] += packetBinaryEvent - packetEvent
		text = append(strconv.AppendInt(text, int64(len(attachments)), 10), '-')
	}
	if p.namespace != "/" {
		text = append(append(text, p.namespace...), ',')
	}
	if p.id >= 0 {
		text = strconv.AppendInt(text, int64(p.id), 10)
	}
	if p.data == nil {
		return text, nil, nil
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a packet: %w", err)
	}
	return append(text, encoded...), attachments, nil
}

// packetForm is the text of a packet: kind, attachments, namespace, id and data.
var packetForm = regexp.MustCompile(`(?s)^([0-6])(?:(\d+)-)?(?:(/[^,]*),)?(\d+)?(.*)$`)

func decodePacket(text []byte) (*packet, error) {
	parts := packetForm.FindSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("the service has sent %.80q, which is no packet", text)
	}
	p := &packet{kind: parts[1][0], namespace: "/", id: -1}
	switch p.kind {
	case packetBinaryEvent, packetBinaryAck:
		p.kind -= packetBinaryEvent - packetEvent
		p.missing, _ = strconv.Atoi(string(parts[2]))
	}
	if len(parts[3]) > 0 {
		p.namespace = string(parts[3])
	}
	if len(parts[4]) > 0 {
		p.id, _ = strconv.Atoi(string(parts[4]))
	}
	if len(parts[5]) == 0 {
		return p, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(parts[5]))
	decoder.UseNumber()
	if err := decoder.Decode(&p.data); err != nil {
		return nil, fmt.Errorf("the service has sent %.80q: %w", text, err)
	}
	return p, nil
}

// removeAttachments replaces binary data by placeholders.
func removeAttachments(v any, attachments *[][]byte) any {
	switch v := v.(type) {
	case []byte:
		*attachments = append(*attachments, v)
		return map[string]any{"_placeholder": true, "num": len(*attachments) - 1}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = removeAttachments(v[i], attachments)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = removeAttachments(v[name], attachments)
		}
		return object
	}
	return v
}

// restoreAttachments undoes removeAttachments.
func restoreAttachments(v any, attachments [][]byte) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = restoreAttachments(v[i], attachments)
		}
	case map[string]any:
		if number, ok := v["num"].(json.Number); ok && v["_placeholder"] == true {
			if n, err := strconv.Atoi(number.String()); err == nil && n >= 0 && n < len(attachments) {
				return attachments[n]
			}
		}
		for name := range v {
			v[name] = restoreAttachments(v[name], attachments)
		}
	}
	return v
}

// isOffset reports whether a string is the offset of a log that was made between two times: its
// mark is when that was, in milliseconds (eventlog.Incarnation).
func isOffset(s string, from, to time.Time) bool {
	mark, number, ok := strings.Cut(s, ".")
	if _, err := strconv.ParseUint(number, 36, 64); !ok || err != nil {
		return false
	}
	made, err := strconv.ParseInt(mark, 36, 64)
	return err == nil && made >= from.UnixMilli() && made <= to.UnixMilli()
}
