// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// errFrameLength: a frame is empty or larger than the limit. Nothing can be read after it.
var errFrameLength = errors.New("frame has no valid length")

// errNotUTF8: a packet in text is not.
var errNotUTF8 = errors.New("packet is not UTF-8")

// binaryFrameBit of a frame's first byte says that the frame is a binary message, not a packet in text.
const binaryFrameBit = 0x80

// webTransport is the WebTransport transport: packets on a stream, each behind its length, in the form of a websocket frame's:
// 7 bits, or 126 and 16 bits, or 127 and 64 bits.
type webTransport struct {
	duplex
	reader *bufio.Reader
	limit  int64
}

func newWebTransport(stream Stream, c *Config) *webTransport {
	wt := &webTransport{duplex: duplex{conn: stream}, reader: bufio.NewReaderSize(stream, streamBufferSize), limit: c.MaxPayload}
	wt.encode = webTransportFrame
	wt.drained = wt.linger
	return wt
}

func (wt *webTransport) name() string { return WebTransport }

func (wt *webTransport) stop(how ending) {
	if how.farewell == nil {
		wt.interrupt()
		return
	}
	wt.stopped = true
	wt.conn.SetDeadline(time.Now().Add(max(how.await, closeWait)))
	if !wt.writing && wt.session.queue.empty() {
		wt.linger()
		return
	}
	wt.flush()
}

// linger makes the reader end soon, which closes the session.
func (wt *webTransport) linger() { wt.conn.SetDeadline(time.Now().Add(webTransportLinger)) }

func (wt *webTransport) refuse() { wt.conn.Close() }

func (wt *webTransport) begin() { go wt.read() }

// read reads until the connection ends, and ends the session with it.
func (wt *webTransport) read() {
	err := wt.readAll()
	wt.finishReading(wt.closeReason(err), err)
	wt.conn.Close()
	wt.finishClosing()
}

// readAll reads until there is an error, or a panic.
func (wt *webTransport) readAll() (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = wt.session.panicked(placeTransport, value)
		}
	}()
	for err == nil {
		err = wt.readNext()
	}
	return err
}

func (wt *webTransport) readNext() error {
	p, err := wt.readPacket()
	var invalid *invalidPacketError
	if err != nil && !errors.As(err, &invalid) {
		return err
	}
	return wt.received(p, err)
}

func (wt *webTransport) closeReason(err error) CloseReason {
	if errors.Is(err, errFrameLength) {
		return ReasonParseError
	}
	return ReasonTransportClose
}

// readPacket reads one packet, whose data are a copy. After an *invalidPacketError the connection is still usable.
func (wt *webTransport) readPacket() (packet, error) {
	first, length, err := wt.readHeader()
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
	// The buffer grows as bytes come, not as they are announced.
	if _, err := io.CopyN(buf, wt.reader, length); err != nil {
		return packet{}, err
	}
	data := bytes.Clone(buf.Bytes())
	if first&binaryFrameBit != 0 {
		return packet{typ: packetMessage, data: data, binary: true}, nil
	}
	if !utf8.Valid(data) {
		return packet{}, &invalidPacketError{errNotUTF8}
	}
	p, err := decodePolling(data)
	if err != nil {
		return packet{}, &invalidPacketError{err}
	}
	return p, nil
}

// readHeader reads what stands before a frame's payload. A frame without content is an empty binary message, as stock clients
// send one, or an error: no packet in text is empty.
func (wt *webTransport) readHeader() (first byte, length int64, err error) {
	first, err = wt.reader.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	n := uint64(first &^ binaryFrameBit)
	var extended [8]byte
	switch n {
	case 126:
		if _, err := io.ReadFull(wt.reader, extended[:2]); err != nil {
			return 0, 0, err
		}
		n = uint64(binary.BigEndian.Uint16(extended[:]))
	case 127:
		if _, err := io.ReadFull(wt.reader, extended[:]); err != nil {
			return 0, 0, err
		}
		n = binary.BigEndian.Uint64(extended[:])
	}
	if n == 0 && first&binaryFrameBit == 0 || n > uint64(wt.limit) {
		return 0, 0, fmt.Errorf("%w: %d bytes of at most %d", errFrameLength, n, wt.limit)
	}
	return first, int64(n), nil
}

// keptReadBuffer is the largest buffer for a message that is kept for another one.
const keptReadBuffer = 64 << 10

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// webTransportFrame is a message as a WebTransport stream carries it. An empty binary message goes as in a polling payload, in
// base64 behind a b, since clients take a frame without content for an error.
func webTransportFrame(m *Message) []byte {
	if m.isBinary() && len(m.data) > 0 {
		return appendWebTransportFrame(binaryFrameBit, m.data)
	}
	return appendWebTransportFrame(0, m.pollingForm())
}

func appendWebTransportFrame(first byte, payload []byte) []byte {
	// NewFrame writes a websocket frame's header: an opcode, and then the same length.
	frame, _ := websocket.NewFrame(websocket.FinalBinary, len(payload))
	frame[1] |= first
	return append(frame, payload...)[1:]
}
