// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// readFrame reads a frame of the server's, whose bytes must be as they were sent: an opcode and the
// data.
func readFrame(r io.Reader) (opcode byte, data []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		if _, err := io.ReadFull(r, head[2:4]); err != nil {
			return 0, nil, err
		}
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		if _, err := io.ReadFull(r, head[2:10]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(head[2:])
	}
	data = make([]byte, n)
	_, err = io.ReadFull(r, data)
	return head[0], data, err
}

// masked is a frame of a client's, with a mask of zeros.
func masked(first byte, data string) string {
	if len(data) < 126 {
		return string([]byte{first, 0x80 | byte(len(data)), 0, 0, 0, 0}) + data
	}
	return string(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(len(data)))) + "\x00\x00\x00\x00" + data
}

// Whatever ends a connection while a large message is half sent, the client never reads a frame
// within it, nor anything behind a close frame.
func TestNothingIsWrittenIntoAHalfSentMessage(t *testing.T) {
	const size = 24 << 20 // more than the kernel takes
	payload := bytes.Repeat([]byte("x"), size)
	for name, end := range map[string]func(*enginetest.Raw, *enginetest.Session){
		"a message beyond maxPayload": func(r *enginetest.Raw, _ *enginetest.Session) { r.Write(masked(0x81, strings.Repeat("y", 2000))) },
		"a frame without a mask":      func(r *enginetest.Raw, _ *enginetest.Session) { r.Write("\x81\x01x") },
		"a packet that is none":       func(r *enginetest.Raw, _ *enginetest.Session) { r.Write(masked(0x81, "x")) },
		"a close frame":               func(r *enginetest.Raw, _ *enginetest.Session) { r.Write(masked(0x88, "\x03\xe8")) },
		"the close packet":            func(r *enginetest.Raw, _ *enginetest.Session) { r.Write(masked(0x81, "1")) },
		"closed by the application":   func(_ *enginetest.Raw, s *enginetest.Session) { s.Close(engineio.ReasonForcedClose) },
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", name, secure), func(t *testing.T) {
				start := enginetest.Start
				if secure {
					start = enginetest.StartTLS
				}
				s := start(t, with(func(c *engineio.Config) { c.MaxPayload, c.MaxQueueBytes = 1000, 100<<20 }))
				raw := s.Connect()
				raw.Write("GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
					"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
				raw.Answer()
				if _, open, err := readFrame(raw.Reader); err != nil || open[0] != '0' {
					t.Fatalf("read %q, %v", open, err)
				}
				session := s.Session()
				session.Send(engineio.NewBinary(payload), engineio.NewBinary(payload))
				enginetest.Eventually(t, "the socket to be full", func() bool { return !session.Writable() })
				end(raw, session)
				if name != "closed by the application" {
					<-session.Closed()
				}
				wantWholeFrames(t, raw, payload)
			})
		}
	}
}

func wantWholeFrames(t *testing.T, r *enginetest.Raw, payload []byte) {
	t.Helper()
	for closed := false; ; {
		opcode, data, err := readFrame(r.Reader)
		switch {
		case err != nil:
			for i, b := range data { // what came of a frame that was given up
				if opcode == 0x82 && b != 'x' && b != 0 {
					t.Fatalf("byte %d of a message is %#x", i, b)
				}
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "reset") {
				return
			}
			if strings.Contains(err.Error(), "bad record MAC") { // TLS says goodbye within the record that was given up
				return
			}
			t.Fatal(err)
		case closed:
			t.Fatalf("opcode %#x, %d bytes, behind a close frame", opcode, len(data))
		case opcode == 0x88:
			closed = true
			_, _ = io.WriteString(r.Conn, masked(0x88, "")) // which the server may not wait for
		case opcode != 0x82 || !bytes.Equal(data, payload):
			t.Fatalf("opcode %#x, %d bytes, not as they were sent", opcode, len(data))
		}
	}
}
