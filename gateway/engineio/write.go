// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"fmt"
	"io"
)

// backlog is what is left of a batch of the queue.
type backlog struct {
	// started is the rest of a piece of which some bytes are out.
	started []byte
	// messages come after it.
	messages []*Message
	// batch is the whole, which the queue gets back; nil if nothing is left.
	batch []*Message
}

// writeNow writes what waits as far as the socket has room for it. The session's lock is held, for the time of a system call.
func (d *duplex) writeNow() {
	q := &d.session.queue
	batch := q.take()
	d.batch++
	j := joiners.Get().(*joiner)
	defer joiners.Put(j)
	for messages := batch; len(messages) > 0; {
		piece, n := j.join(messages, d.encode, d.common)
		messages = messages[n:]
		written, err := d.direct.write(piece)
		if err != nil {
			q.release(batch)
			d.broken(err)
			return
		}
		if written < len(piece) {
			d.startDrain(backlog{bytes.Clone(piece[written:]), messages, batch})
			return
		}
	}
	q.release(batch)
}

// drain writes what is left and all that waits, in as few system calls as it can, until nothing does.
func (d *duplex) drain(left backlog) {
	s := d.session
	err := d.writeLeft(left)
	s.mu.Lock()
	defer s.mu.Unlock()
	if left.batch != nil {
		s.queue.release(left.batch)
	}
	for !s.queue.empty() && err == nil {
		batch := s.queue.take()
		d.batch++
		s.mu.Unlock()
		err = writeFrames(d.conn, batch, d.encode)
		s.mu.Lock()
		s.queue.release(batch)
	}
	d.writing = false
	if err != nil {
		d.broken(err)
	} else if d.stopped && d.drained != nil {
		d.drained()
	}
	s.taskDone()
}

func (d *duplex) writeLeft(left backlog) error {
	if len(left.started) > 0 {
		if _, err := d.conn.Write(left.started); err != nil {
			return err
		}
	}
	return writeFrames(d.conn, left.messages, d.encode)
}

// broken ends the session: part of a frame may be out, and nothing can follow it. The session's lock is held.
func (d *duplex) broken(err error) {
	d.session.end(ReasonTransportClose, fmt.Errorf("write: %w", err), closeBroken)
	d.interrupt()
}

// writeFrames writes the messages' frames. Each call writes whole ones.
func writeFrames(conn io.Writer, messages []*Message, frameOf func(*Message) []byte) error {
	j := joiners.Get().(*joiner)
	defer joiners.Put(j)
	for len(messages) > 0 {
		piece, n := j.join(messages, frameOf, false)
		if _, err := conn.Write(piece); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}
