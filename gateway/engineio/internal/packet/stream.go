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

// WebTransport carries packets on a stream, each behind its length, in the form of a websocket
// frame's: 7 bits, or 126 and 16 bits, or 127 and 64 bits. The eighth bit says that the packet is a
// binary message.

// Errors of a StreamReader.
var (
	// ErrStreamLength: a frame on a stream is empty or larger than the limit. Nothing can be read
	// after it.
	ErrStreamLength = errors.New("frame has no valid length")
	// errNotUTF8: a packet in text is not.
	errNotUTF8 = errors.New("packet is not UTF-8")
)

// streamBinary of a frame's first byte says that the frame is a binary message, not a packet in
// text.
const streamBinary = 0x80

// streamBufferSize is what a stream keeps for reading.
const streamBufferSize = 2048

// StreamReader reads packets from a stream.
type StreamReader struct {
	reader *bufio.Reader
	limit  int64
}

// NewStreamReader reads packets of at most so many bytes.
func NewStreamReader(r io.Reader, limit int64) StreamReader {
	return StreamReader{bufio.NewReaderSize(r, streamBufferSize), limit}
}

// Read reads one packet, whose data are a copy. After an *InvalidError the stream can still be
// read.
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
	// The buffer grows as bytes come, not as they are announced.
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

// readHeader reads what stands before a frame's payload. A frame without content is an empty binary
// message, as stock clients send one, or an error: no packet in text is empty.
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

// keptReadBuffer is the largest buffer for a message that is kept for another one.
const keptReadBuffer = 64 << 10

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// StreamFrame is a packet in text, or a binary message, as a stream carries it.
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
