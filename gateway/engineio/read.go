// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// keptReadBuffer is the largest buffer for a message that is kept for another one.
const keptReadBuffer = 64 << 10

var (
	errNotUTF8  = errors.New("text message is not UTF-8")
	errInflated = errors.New("message is too large when inflated")
)

// serveLink reads until the connection ends, and ends the session with it.
func serveLink(l link) {
	err := readLink(l)
	d := l.shared()
	s := d.session
	s.mu.Lock()
	stopped := d.stopped
	s.end(l.closeReason(err), err, closeBroken)
	s.mu.Unlock()

	if stopped {
		d.conn.Close()
	} else {
		l.hangUp(err)
	}

	s.mu.Lock()
	s.finish()
	s.taskDone()
	s.mu.Unlock()
}

// readLink takes the client's packets until an error.
func readLink(l link) error {
	s := l.shared().session
	for {
		p, err := l.readPacket()
		var invalid *invalidPacketError
		if errors.As(err, &invalid) {
			s.close(ReasonParseError, err, closeNow)
			continue // until the client has closed too
		}
		if err != nil {
			return err
		}
		s.receive(p)
	}
}

// invalidPacketError is what a client sent in a good frame, but is no packet.
type invalidPacketError struct{ err error }

func (e *invalidPacketError) Error() string { return "parse packet: " + e.err.Error() }
func (e *invalidPacketError) Unwrap() error { return e.err }

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
	// gorilla/websocket counts bytes of the connection, of which a thousandth may be enough.
	if n, err := buf.ReadFrom(io.LimitReader(r, ws.limit+1)); err != nil {
		return packet{}, err
	} else if n > ws.limit {
		return packet{}, errInflated
	}
	if kind == websocket.TextMessage && !utf8.Valid(buf.Bytes()) {
		return packet{}, errNotUTF8
	}
	p, err := ws.decode(kind, buf.Bytes())
	if err != nil {
		return packet{}, &invalidPacketError{err}
	}
	p.data = bytes.Clone(p.data)
	return p, nil
}

// decode reads a packet from what a frame carries.
func (ws *webSocket) decode(kind int, b []byte) (packet, error) {
	switch binary := kind == websocket.BinaryMessage; {
	case ws.protocol == protocol3 && binary:
		return decodeBinary3(b)
	case ws.protocol == protocol3:
		return decodeText3(b)
	case binary:
		return packet{typ: packetMessage, data: b, binary: true}, nil
	case ws.base64:
		return decodePolling(b)
	}
	return decodeText(b)
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
