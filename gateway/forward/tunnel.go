// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"io"
	"net"
	"time"
)

const (
	// tunnelBuffer is the size of the buffer of a forwarded websocket for each direction. Chat
	// messages fit; io.Copy would take 32 KiB.
	tunnelBuffer = 4 << 10
	// tunnelWriteTimeout is how long a client may not read what the owner sends. The owner
	// disconnects such a client by its heartbeat, but this gateway would not notice: it waits for
	// the client, and not for the owner.
	tunnelWriteTimeout = time.Minute
)

// tunnel is the client's end of a forwarded websocket. It has no CloseWrite: an owner that has
// closed its end has sent everything, and a client that keeps its own end open would occupy this
// gateway.
type tunnel struct {
	net.Conn
	early []byte // what the client sent before the connection was handed over
}

func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.early) > 0 {
		n := copy(p, t.early)
		t.early = t.early[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}

func (t *tunnel) Write(p []byte) (int, error) {
	t.SetWriteDeadline(time.Now().Add(tunnelWriteTimeout))
	return t.Conn.Write(p)
}

// WriteTo and ReadFrom let io.Copy use a buffer of that size.

func (t *tunnel) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(w, onlyReader{t}, make([]byte, tunnelBuffer))
}

func (t *tunnel) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(onlyWriter{t}, r, make([]byte, tunnelBuffer))
}

type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }
