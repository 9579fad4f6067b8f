// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// PerMessageDeflate lets websocket messages be compressed (RFC 7692), each on its own ("no context takeover"), so that a message
// to many is compressed once, and an idle connection keeps no window. What comes in may be compressed too;
// MaxPayload holds for its inflated size.
type PerMessageDeflate struct {
	// Threshold is the size in bytes from which a message is compressed, 1024 by default.
	Threshold int
}

func (d *PerMessageDeflate) check() error {
	if d != nil && d.Threshold < 0 {
		return fmt.Errorf("configure engine.io: negative threshold %d for websocket compression", d.Threshold)
	}
	return nil
}

// threshold is the size from which messages of a connection are compressed, 0 for never.
func (d *PerMessageDeflate) threshold(r *http.Request) int {
	if d == nil || !offersDeflate(r.Header.Values("Sec-Websocket-Extensions")) {
		return 0
	}
	if d.Threshold == 0 {
		return defaultCompressionThreshold
	}
	return d.Threshold
}

// deflateOffer is what gorilla/websocket is shown of an offer that is accepted.
const deflateOffer = "permessage-deflate"

// offersDeflate reports whether one of the offers can be accepted with the answer that gorilla/websocket gives,
// "server_no_context_takeover; client_no_context_takeover". It asks for more care than gorilla/websocket takes, which
// accepts a limit of our window (server_max_window_bits) that it does not keep.
func offersDeflate(header []string) bool {
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

// compressedBit is RSV1 in the first byte of a frame: the message is compressed (RFC 7692 section 6).
const compressedBit = 0x40

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil { // a level that does not exist
		panic(err)
	}
	return w
}}

// deflatedFrame is the message's frame with a compressed payload, or the plain one if that is no longer.
func (m *Message) deflatedFrame() []byte {
	m.deflatedOnce.Do(func() {
		if f := deflateFrame(m.frame); len(f) < len(m.frame) {
			m.deflated = f
		}
	})
	if m.deflated == nil {
		return m.frame
	}
	return m.deflated
}

func deflateFrame(frame []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var buf bytes.Buffer
	w.Reset(&buf)
	_, _ = w.Write(framePayload(frame)) // a bytes.Buffer takes all
	_ = w.Flush()
	w.Reset(io.Discard) // so that the pool does not hold the bytes
	// The empty block that a flush ends with goes without saying (RFC 7692 section 7.2.1).
	payload := bytes.TrimSuffix(buf.Bytes(), []byte{0, 0, 0xff, 0xff})
	deflated, _ := newFrame(frame[0]|compressedBit, len(payload))
	return append(deflated, payload...)
}

// framePayload is what a frame of newFrame carries.
func framePayload(frame []byte) []byte {
	switch frame[1] {
	case 126:
		return frame[4:]
	case 127:
		return frame[10:]
	}
	return frame[2:]
}

// isDataFrame reports whether a frame may be compressed, unlike close, ping and pong.
func isDataFrame(frame []byte) bool {
	return frame[0] == finalText || frame[0] == finalBinary
}
