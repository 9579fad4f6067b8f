// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"errors"
	"sync"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// keptReadBuffer is the largest buffer for a message that is kept for another one.
const keptReadBuffer = 64 << 10

var errNotUTF8 = errors.New("text message is not UTF-8")

// serve reads until the connection ends, and ends the session with it.
func (ws *webSocket) serve() {
	err := ws.read()
	s := ws.session
	s.mu.Lock()
	stopped := ws.stopped
	s.end(closeReason(err), err, closeBroken)
	s.mu.Unlock()

	if stopped {
		ws.conn.Close()
	} else {
		ws.hangUp(err)
	}

	s.mu.Lock()
	s.finish()
	s.taskDone()
	s.mu.Unlock()
}

// read takes the client's packets until an error.
func (ws *webSocket) read() error {
	for {
		p, err := ws.readPacket()
		var invalid *invalidPacketError
		if errors.As(err, &invalid) {
			ws.session.close(ReasonParseError, err, closeNow)
			continue // until the client has closed too
		}
		if err != nil {
			return err
		}
		ws.session.receive(p)
	}
}

// invalidPacketError is what a client sent in a good frame, but is no packet.
type invalidPacketError struct{ err error }

func (e *invalidPacketError) Error() string { return "parse packet: " + e.err.Error() }
func (e *invalidPacketError) Unwrap() error { return e.err }

// readPacket reads one packet. A message's data are a copy.
func (ws *webSocket) readPacket() (packet, error) {
	kind, r, err := ws.frames.NextReader()
	if err != nil {
		return packet{}, err
	}
	buf := readBuffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= keptReadBuffer {
			readBuffers.Put(buf)
		}
	}()
	buf.Reset()
	if _, err := buf.ReadFrom(r); err != nil {
		return packet{}, err
	}
	if kind == websocket.BinaryMessage {
		return packet{typ: packetMessage, data: bytes.Clone(buf.Bytes()), binary: true}, nil
	}
	if !utf8.Valid(buf.Bytes()) {
		return packet{}, errNotUTF8
	}
	p, err := decodeText(buf.Bytes())
	if err != nil {
		return packet{}, &invalidPacketError{err}
	}
	p.data = bytes.Clone(p.data)
	return p, nil
}

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// onPing answers a websocket ping in its turn.
func (ws *webSocket) onPing(data string) error {
	frame, _ := newFrame(finalPong, len(data))
	pong := &Message{frame: append(frame, data...)}
	if ws.session == nil { // not yet a session's transport: nobody else writes
		_, err := ws.conn.Write(pong.frame)
		return err
	}
	_ = ws.session.Send(pong) // if that fails, the session has ended, and the reader will see it
	return nil
}
