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

// Received takes bytes of the client's, up to the first message. Handle goes on.
func (ws *webSocket) Received(data []byte) {
	if ws.lingering {
		if ws.discarded += len(data); ws.discarded > lingerBytes {
			ws.closeConn()
		}
		return
	}
	ws.feed(data)
}

// turn is how many packets of a connection are taken before others have their turn.
const turn = 32

// Handle hands what has been received to the application, which may wait.
func (ws *webSocket) Handle() netpoll.Progress {
	for !ws.lingering && (ws.arrived.Type == packet.Message || ws.paused) {
		if ws.arrived.Type == packet.Message {
			p := ws.arrived
			ws.arrived, ws.paused = packet.Packet{}, true // which is where whoever it is handed on to goes on
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

// HandOn lets others read the connection while its handler takes long: while it has been in the same call since the last time, or is
// about to wait.
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

// Writable goes on with what the socket had no room for.
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

// Ended is told why no more can be read.
func (ws *webSocket) Ended(err error) {
	if ws.lingering {
		ws.closeConn()
		return
	}
	ws.readEnded(err)
}

// take takes what a whole message, ping or pong of the client carries. It stops at a message, whose
// handler may wait, and which is left to Handle, as the rest is where there is much.
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

// decode reads a packet from what a frame carries.
func (ws *webSocket) decode(opcode byte, b []byte) (packet.Packet, error) {
	switch binary := opcode == websocket.OpBinary; {
	case ws.client.Protocol == packet.Protocol3 && binary:
		return packet.DecodeBinary3(b)
	case ws.client.Protocol == packet.Protocol3:
		return packet.Decode3(b)
	case binary:
		return packet.Packet{Type: packet.Message, Data: b, Binary: true}, nil
	}
	return packet.Decode(b) // a binary message may come in base64, as clients without bytes send it
}

// onPing answers a websocket ping in its turn.
func (ws *webSocket) onPing(data []byte) error {
	pong := websocket.PongFrame(data)
	if ws.upgrade != nil { // not yet the session's transport: nobody else writes
		_, err := ws.conn.Write(pong)
		return err
	}
	_ = ws.session.SendSoon(&Message{wireform.Control(pong, nil)}) // if that fails, the session has ended, and the reader will see it
	return nil
}

// begin reads from now on, until the connection ends.
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

// streamBufferSize is what a connection that is more than a socket keeps for reading.
const streamBufferSize = 2048

// readStream reads a connection that the poller does not take, such as one by TLS.
func (ws *webSocket) readStream() {
	defer func() {
		if value := recover(); value != nil {
			ws.Panicked(value)
		}
	}()
	buffer := streamBuffers.Get().(*[streamBufferSize]byte)
	defer streamBuffers.Put(buffer)
	ws.Received(nil) // for what came with the request, or is left by who has handed it on
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
			ws.Ended(err) // after which it may linger, with another deadline
		}
	}
}

// handleAll is for a goroutine that serves nobody else. kept is false if another one reads the connection now.
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
