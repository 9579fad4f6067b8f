// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/wireform"
)

// Received reads bytes of the client, up to the first message. Handle continues.
func (ws *webSocket) Received(data []byte) {
	if ws.lingering {
		if ws.discarded += len(data); ws.discarded > lingerBytes {
			ws.closeConn()
		}
		return
	}
	ws.feed(data)
}

// turn is how many packets of a connection are handled before those of other connections.
const turn = 32

// Handle passes received messages to the application, which may wait.
func (ws *webSocket) Handle() netpoll.Progress {
	for !ws.lingering && (ws.arrived.Type == packet.Message || ws.paused) {
		if ws.arrived.Type == packet.Message {
			p := ws.arrived
			ws.arrived, ws.paused = packet.Packet{}, true // so that another reader continues here
			if !ws.session.receive(p, ws.frames.HasRest(), ws.lone) {
				return netpoll.HandedOn
			}
		}
		if ws.taken >= turn {
			ws.taken, ws.paused = 0, true
			return netpoll.More
		}
		ws.paused = false
		ws.feed(nil)
	}
	ws.taken = 0
	return netpoll.Done
}

// HandOn lets another worker read the connection if its handler takes long: if atOnce, or if the
// same call was already running at the previous call of HandOn.
func (ws *webSocket) HandOn(atOnce bool) bool {
	if ws.session == nil {
		return false
	}
	turn := ws.session.turn.Number()
	if !atOnce && atomic.SwapUint64(&ws.seenTurn, turn) != turn {
		return false
	}
	return ws.session.handOn(patience.Polled)
}

func (ws *webSocket) feed(data []byte) {
	if err := ws.frames.Feed(data, ws.take); err != nil {
		ws.readEnded(err)
	}
}

// Writable continues to write when the socket has room again.
func (ws *webSocket) Writable() {
	if ws.lingering { // nothing follows a close frame
		return
	}
	s := ws.session
	s.mu.Lock()
	defer s.mu.Unlock()
	ws.writing = false
	s.flush()
}

// Ended is called with the error after which nothing more can be read.
func (ws *webSocket) Ended(err error) {
	if ws.lingering {
		ws.closeConn()
		return
	}
	ws.readEnded(err)
}

// take handles a complete message, ping or pong. It stops at a message, which it leaves to Handle
// because its handler may wait, and at the end of a turn.
func (ws *webSocket) take(opcode byte, payload []byte) (more bool, err error) {
	ws.taken++
	ws.paused = ws.taken >= turn
	switch opcode {
	case websocket.OpPing:
		return !ws.paused, ws.onPing(payload)
	case websocket.OpPong:
		return !ws.paused, nil
	}
	p, err := ws.decode(opcode, payload)
	if err != nil {
		return !ws.paused, ws.received(packet.Packet{}, &packet.InvalidError{Err: err})
	}
	p.Data = bytes.Clone(p.Data)
	if p.Type == packet.Message && ws.upgrade == nil {
		ws.arrived = p
		return false, nil
	}
	return !ws.paused, ws.received(p, nil)
}

// decode decodes the packet in a frame.
func (ws *webSocket) decode(opcode byte, b []byte) (packet.Packet, error) {
	switch binary := opcode == websocket.OpBinary; {
	case ws.client.Protocol == packet.Protocol3 && binary:
		return packet.DecodeBinary3(b)
	case ws.client.Protocol == packet.Protocol3:
		return packet.Decode3(b)
	case binary:
		return packet.Packet{Type: packet.Message, Data: b, Binary: true}, nil
	}
	return packet.Decode(b) // clients that cannot send bytes send binary messages in base64
}

// onPing answers a WebSocket ping in order.
func (ws *webSocket) onPing(data []byte) error {
	pong := websocket.PongFrame(data)
	if ws.upgrade != nil { // not the session's transport yet: there is no other writer
		_, err := ws.conn.Write(pong)
		return err
	}
	// An error means that the session has ended, which the reader notices.
	_ = ws.session.SendSoon(&Message{wireform.Control(pong, nil)})
	return nil
}

// begin starts reading until the connection ends.
func (ws *webSocket) begin() {
	if ws.polled == nil {
		go ws.readStream()
		return
	}
	if err := ws.polled.Start(ws); err != nil {
		ws.Ended(err)
	}
}

var streamBuffers = sync.Pool{New: func() any { return new([streamBufferSize]byte) }}

// streamBufferSize is the size of the read buffer of a connection without poller.
const streamBufferSize = 2048

// readStream reads a connection that the poller does not support, such as TLS.
func (ws *webSocket) readStream() {
	defer func() {
		if value := recover(); value != nil {
			ws.Panicked(value)
		}
	}()
	buffer := streamBuffers.Get().(*[streamBufferSize]byte)
	defer streamBuffers.Put(buffer)
	ws.Received(nil) // for data that came with the request, or that another reader has left
	if !ws.handleAll() {
		return
	}
	for !ws.closed {
		n, err := ws.lone.stream.Read(buffer[:])
		if n > 0 {
			ws.Received(buffer[:n])
			if !ws.handleAll() {
				return
			}
		}
		if err != nil && !ws.closed {
			ws.Ended(err) // which may linger, with another deadline
		}
	}
}

// handleAll handles all received messages, for a goroutine with one connection. kept is false if
// another goroutine now reads the connection.
func (ws *webSocket) handleAll() (kept bool) {
	for {
		switch ws.Handle() {
		case netpoll.HandedOn:
			return false
		case netpoll.Done:
			return true
		}
	}
}
