// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"
)

// WebTransport carries packets on a stream, each preceded by its length in the format of WebSocket
// frames: 7 bits, or 126 and 16 bits, or 127 and 64 bits. The eighth bit marks binary messages.

// Errors of a StreamReader.
var (
	// ErrStreamLength: a frame on a stream is empty or larger than the limit. Nothing can be read
	// after it.
	ErrStreamLength = errors.New("frame has no valid length")
	// errNotUTF8: a text packet is not valid UTF-8.
	errNotUTF8 = errors.New("packet is not UTF-8")
)

// streamBinary is the bit of the first byte of a frame that marks a binary message.
const streamBinary = 0x80

// streamBufferSize is the size of the read buffer of a stream.
const streamBufferSize = 2048

// StreamReader reads packets from a stream.
type StreamReader struct {
	reader *bufio.Reader
	limit  int64
}

// NewStreamReader returns a reader of packets of at most limit bytes.
func NewStreamReader(r io.Reader, limit int64) StreamReader {
	return StreamReader{bufio.NewReaderSize(r, streamBufferSize), limit}
}

// Read reads one packet and copies its data. After an *InvalidError the stream can still be read.
func (r *StreamReader) Read() (Packet, error) {
	first, length, err := r.readHeader()
	if err != nil {
		return Packet{}, err
	}
	buf := readBuffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= keptReadBuffer {
			readBuffers.Put(buf)
		}
	}()
	buf.Reset()
	// The buffer grows with the received bytes, not to the announced length.
	if _, err := io.CopyN(buf, r.reader, length); err != nil {
		return Packet{}, err
	}
	data := bytes.Clone(buf.Bytes())
	if first&streamBinary != 0 {
		return Packet{Type: Message, Data: data, Binary: true}, nil
	}
	if !utf8.Valid(data) {
		return Packet{}, &InvalidError{errNotUTF8}
	}
	p, err := Decode(data)
	if err != nil {
		return Packet{}, &InvalidError{err}
	}
	return p, nil
}

// readHeader reads the bytes before the payload of a frame. A frame without payload is an empty
// binary message, as stock clients send it, or an error: no text packet is empty.
func (r *StreamReader) readHeader() (first byte, length int64, err error) {
	first, err = r.reader.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	n := uint64(first &^ streamBinary)
	var extended [8]byte
	switch n {
	case 126:
		if _, err := io.ReadFull(r.reader, extended[:2]); err != nil {
			return 0, 0, err
		}
		n = uint64(binary.BigEndian.Uint16(extended[:]))
	case 127:
		if _, err := io.ReadFull(r.reader, extended[:]); err != nil {
			return 0, 0, err
		}
		n = binary.BigEndian.Uint64(extended[:])
	}
	if n == 0 && first&streamBinary == 0 || n > uint64(r.limit) {
		return 0, 0, fmt.Errorf("%w: %d bytes of at most %d", ErrStreamLength, n, r.limit)
	}
	return first, int64(n), nil
}

// keptReadBuffer is the size up to which the buffer of a message is reused.
const keptReadBuffer = 64 << 10

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// StreamFrame returns the frame of a text packet, or of a binary message.
func StreamFrame(payload []byte, isBinary bool) []byte {
	frame := make([]byte, 0, 9+len(payload))
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, byte(n))
	case n <= 0xffff:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	if isBinary {
		frame[0] |= streamBinary
	}
	return append(frame, payload...)
}
