// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"io"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/batch"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// duplex is the common part of transports with a bidirectional connection that lives as long as the
// session. A sender writes what the socket has room for, and the poller reports when there is room
// for the rest. For other connections, such as TLS, a goroutine writes until the queue is empty.
// The reader owns the connection: only it closes the connection, and others end it by a deadline.
type duplex struct {
	session *Session
	conn    connection
	// polled is the connection if the server's poller reads it: writes do not block, and there are
	// no goroutines. If nil, the connection has a goroutine for reading and, while the queue is not
	// empty, one for writing.
	polled *netpoll.Conn
	// lone is the reader of a connection that is not polled; nil for one that is.
	lone *lone
	// upgrade is set while the connection probes. Only the reader uses it.
	upgrade *upgrade
	// encode returns the bytes of a message on this connection.
	encode func(*Message) []byte
	// common: the bytes are those of wireform.Packet.Frame.
	common bool
	// drained, if set, is called when a transport that is shutting down has written everything. The
	// session's lock is held.
	drained func()

	// writing: a goroutine drains the queue, or the socket is full, so nothing else may write. The
	// session's lock guards it.
	writing bool
	// left is the part of a batch for which the socket had no room. The session's lock guards it.
	left batch.Rest[*Message]
	// progress counts writes. seen is its value at the last call of stuck, 0 for none. The
	// session's lock guards both.
	progress, seen uint64
	// stopped: the client has been or will be told that the connection ends. The session's lock
	// guards it.
	stopped bool
}

// connection has the methods that goroutines other than the reader use.
type connection interface {
	io.WriteCloser
	SetDeadline(time.Time) error
}

// streamTransport is a duplex with its reader.
type streamTransport interface {
	transport
	shared() *duplex
	// begin starts reading for the session, which counts a task until the connection is closed.
	begin()
	// refuse closes a connection before anything is read from it.
	refuse()
}

// serve writes what is queued for a session that began with this transport, and starts reading.
func (s *Session) serve(t streamTransport) {
	s.mu.Lock()
	s.tasks++
	s.flush()
	s.mu.Unlock()
	t.begin()
}

func (d *duplex) shared() *duplex { return d }
func (d *duplex) writable() bool  { return !d.writing }

func (d *duplex) stuck() bool {
	if !d.writing {
		d.seen = 0
		return false
	}
	same := d.seen == d.progress
	d.seen = d.progress
	return same
}

func (d *duplex) flush() {
	switch {
	case d.writing:
	case d.polled != nil:
		d.writeNow()
	case !d.session.queue.Empty():
		d.writing = true
		d.session.tasks++
		go d.drain()
	}
}

func (d *duplex) forceClose() { d.interrupt() }

// interrupt makes the reader and the writer return. Unlike closing a TLS connection, it does not
// block.
func (d *duplex) interrupt() { d.conn.SetDeadline(time.Unix(1, 0)) }

// received handles a packet, or a *packet.InvalidError in its place. An error ends the reading.
func (d *duplex) received(p packet.Packet, err error) error {
	if d.upgrade != nil {
		return d.session.probed(d.upgrade, p, err)
	}
	if err != nil {
		d.session.flushSoon()
		d.session.close(ReasonParseError, err, closeNow)
		return nil // until the client closes, too
	}
	if !d.session.receive(p, false, d.lone) {
		return errHandedOn
	}
	return nil
}

// finishReading ends the session, or the upgrade, because of its connection. It reports whether the
// session was already closing: then its client has been told, or cannot be told.
func (d *duplex) finishReading(reason CloseReason, err error) (closing bool) {
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.upgrade != nil {
		s.cancelUpgrade(d.upgrade)
		return false
	}
	closing = s.state != stateOpen
	s.closeLocked(reason, err, closeBroken)
	return closing
}

// finishClosing is called after the connection is closed.
func (d *duplex) finishClosing() {
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.upgrade == nil {
		s.forget()
	}
	s.taskDone()
}
