// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// webTransport is the WebTransport transport: packets on a stream.
type webTransport struct {
	duplex
	reader packet.StreamReader
}

func newWebTransport(stream Stream, c *Config) *webTransport {
	wt := &webTransport{duplex: duplex{conn: stream}, reader: packet.NewStreamReader(stream, c.MaxPayload)}
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
	p, err := wt.reader.Read()
	var invalid *packet.InvalidError
	if err != nil && !errors.As(err, &invalid) {
		return err
	}
	return wt.received(p, err)
}

func (wt *webTransport) closeReason(err error) CloseReason {
	if errors.Is(err, packet.ErrStreamLength) {
		return ReasonParseError
	}
	return ReasonTransportClose
}

// webTransportFrame is a message as a WebTransport stream carries it. An empty binary message goes as in a polling payload, in
// base64 behind a b, since clients take a frame without content for an error.
func webTransportFrame(m *Message) []byte {
	if m.isBinary() && len(m.data) > 0 {
		return packet.StreamFrame(m.data, true)
	}
	return packet.StreamFrame(m.pollingForm(), false)
}
