// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"io"
	"time"
)

// duplex is what the transports share whose connection goes both ways for as long as the session lives. Who sends writes what the
// socket has room for. What it has no room for, and all where there is more than a socket, is left to a goroutine that writes
// all that waits, until nothing does; so an idle connection has only its reader. The reader owns the connection: it alone closes
// it, and others end it by a deadline.
type duplex struct {
	session *Session
	conn    connection
	// direct, if the connection has it, writes without waiting.
	direct *direct
	// encode makes a message's bytes on this connection.
	encode func(*Message) []byte
	// common: the bytes are those of Message.frame.
	common bool
	// drained, if set, is called when a transport that was told to stop has written all. The session's lock is held.
	drained func()

	// writing: a goroutine drains the queue. Nobody else writes then. The session's lock guards it.
	writing bool
	// batch is the number of the batch that is being written, seen the one that stuck last found there, 0 for none.
	// The session's lock guards both.
	batch, seen uint64
	// stopped: the client was told, or will be, that the connection ends. The session's lock guards it.
	stopped bool
}

// connection is a net.Conn without its addresses.
type connection interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// link is a duplex transport with its way to read.
type link interface {
	transport
	shared() *duplex
	// readPacket reads one packet. A message's data are a copy. An *invalidPacketError leaves the connection usable.
	readPacket() (packet, error)
	// closeReason is what a reader's error is to the application.
	closeReason(error) CloseReason
	// hangUp closes the connection after the error that ended reading it, or nil if it was never read.
	hangUp(error)
}

func (d *duplex) shared() *duplex { return d }
func (d *duplex) writable() bool  { return !d.writing }

func (d *duplex) stuck() bool {
	if !d.writing {
		d.seen = 0
		return false
	}
	same := d.seen == d.batch
	d.seen = d.batch
	return same
}

func (d *duplex) flush() {
	switch {
	case d.writing || d.session.queue.empty():
	case d.direct != nil:
		d.writeNow()
	default:
		d.startDrain(backlog{})
	}
}

func (d *duplex) startDrain(left backlog) {
	d.writing = true
	d.session.tasks++
	go d.drain(left)
}

func (d *duplex) cut() { d.interrupt() }

// interrupt makes the reader and the writer end. It does not block, unlike closing a TLS connection.
func (d *duplex) interrupt() { d.conn.SetDeadline(time.Unix(1, 0)) }
