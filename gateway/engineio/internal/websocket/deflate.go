// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"compress/flate"
	"io"
	"strconv"
	"strings"
	"sync"
)

// deflateOffer is the offer that gorilla/websocket sees in place of an accepted one.
const deflateOffer = "permessage-deflate"

// AcceptsDeflate reports whether one of the offers in the Sec-WebSocket-Extensions headers of a
// request can be accepted with the answer of gorilla/websocket, "server_no_context_takeover;
// client_no_context_takeover". It is stricter than gorilla/websocket, which accepts a limit of the
// server's window (server_max_window_bits) without observing it.
func AcceptsDeflate(header []string) bool {
	for offer := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, parameters, more := strings.Cut(offer, ";")
		if strings.TrimSpace(name) == deflateOffer && (!more || acceptableDeflate(parameters)) {
			return true
		}
	}
	return false
}

func acceptableDeflate(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, hasValue := strings.Cut(strings.TrimSpace(p), "=")
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if hasValue {
				return false
			}
		case "client_max_window_bits": // a hint that the client can, or will, use a smaller window
			if bits, err := strconv.Atoi(strings.Trim(value, `"`)); hasValue && (err != nil || bits < 8 || bits > 15) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// CompressedBit is RSV1 in the first byte of a frame: the message is compressed (RFC 7692 section
// 6).
const CompressedBit = 0x40

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil { // a level that does not exist
		panic(err)
	}
	return w
}}

// Deflate returns a frame of NewFrame with its payload compressed.
func Deflate(frame []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var buf bytes.Buffer
	w.Reset(&buf)
	_, _ = w.Write(payload(frame)) // a bytes.Buffer returns no error
	_ = w.Flush()
	w.Reset(io.Discard) // so that the pool does not hold the bytes
	// Senders omit the empty block at the end of a flush (RFC 7692 section 7.2.1).
	compressed := bytes.TrimSuffix(buf.Bytes(), []byte{0, 0, 0xff, 0xff})
	deflated, _ := NewFrame(frame[0]|CompressedBit, len(compressed))
	return append(deflated, compressed...)
}

// Compressible reports whether a frame may be compressed, unlike close, ping and pong.
func Compressible(frame []byte) bool {
	return frame[0] == FinalText || frame[0] == FinalBinary
}

// deflateEnd is the empty block that senders omit (RFC 7692 section 7.2.2), followed by a final
// block, so that the decompressor sees an end.
const deflateEnd = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// inflate decompresses a message, up to a limit: input of a thousandth of that size may be enough
// to reach it.
func inflate(payload []byte, limit int64) ([]byte, error) {
	reader := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(reader)
	source := io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte(deflateEnd)))
	if err := reader.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, errInflate
	}
	var inflated bytes.Buffer
	n, err := inflated.ReadFrom(io.LimitReader(reader, limit+1))
	switch {
	case n > limit:
		return nil, errTooBig
	case err != nil:
		return nil, errInflate
	}
	return inflated.Bytes(), nil
}
