// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"io"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/batch"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// duplex is what the transports share whose connection goes both ways for as long as the session lives. Who sends writes what the
// socket has room for; the rest follows when it has room again. Where there is more than a socket, a goroutine writes all that waits,
// until nothing does. The reader owns the connection: it alone closes it, and others end it by a deadline.
type duplex struct {
	session *Session
	conn    connection
	// polled is the connection, if it is read by the server's poller: it is written without waiting, and has no goroutine. nil: it has one
	// for reading and, while there is something to write, one for that.
	polled *netpoll.Conn
	// lone is the reader of a connection that is not polled; nil for one that is.
	lone *lone
	// upgrade is set while the connection probes. The reader alone uses it.
	upgrade *upgrade
	// encode makes a message's bytes on this connection.
	encode func(*Message) []byte
	// common: the bytes are those of wireform.Packet.Frame.
	common bool
	// drained, if set, is called when a transport that was told to stop has written all. The session's lock is held.
	drained func()

	// writing: a goroutine drains the queue, or the socket is full. Nobody else writes then. The session's lock guards it.
	writing bool
	// left is what the socket had no room for. The session's lock guards it.
	left batch.Rest[*Message]
	// progress counts what is written, seen is what stuck last found there, 0 for none. The session's lock guards both.
	progress, seen uint64
	// stopped: the client was told, or will be, that the connection ends. The session's lock guards it.
	stopped bool
}

// connection is what others than the reader do with one.
type connection interface {
	io.WriteCloser
	SetDeadline(time.Time) error
}

// streamTransport is a duplex transport with its way to read.
type streamTransport interface {
	transport
	shared() *duplex
	// begin reads from now on, for the session, which counts a task for that until the connection is closed.
	begin()
	// refuse closes a connection that was not read and is not to be.
	refuse()
}

// serve writes what waits for a session that has begun with this transport, and reads from now on.
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

// interrupt makes the reader and the writer end. It does not block, unlike closing a TLS connection.
func (d *duplex) interrupt() { d.conn.SetDeadline(time.Unix(1, 0)) }

// received takes a packet, or an *packet.InvalidError in its place. An error ends the reading.
func (d *duplex) received(p packet.Packet, err error) error {
	if d.upgrade != nil {
		return d.session.probed(d.upgrade, p, err)
	}
	if err != nil {
		d.session.flushSoon()
		d.session.close(ReasonParseError, err, closeNow)
		return nil // until the client has closed too
	}
	if !d.session.receive(p, false, d.lone) {
		return errHandedOn
	}
	return nil
}

// finishReading ends the session, or the upgrade, with the connection. It reports whether the session was
// closing already, so that its client has been told, or cannot be told.
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

// finishClosing is called when the connection is closed.
func (d *duplex) finishClosing() {
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.upgrade == nil {
		s.forget()
	}
	s.taskDone()
}
