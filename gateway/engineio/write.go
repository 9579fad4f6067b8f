// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// partialWrite is what is left of a batch of the queue.
type partialWrite struct {
	// started is the rest of a piece of which some bytes are out.
	started []byte
	// messages come after it.
	messages []*Message
	// batch is the whole, which the queue gets back; nil if nothing is left over.
	batch []*Message
}

// writeNow writes what waits as far as the socket has room for it. The session's lock is held, for the time of a system call.
func (d *duplex) writeNow() {
	q := &d.session.queue
	for d.left.batch != nil || !q.Empty() {
		if d.left.batch == nil {
			batch := q.Take()
			d.left = partialWrite{messages: batch, batch: batch}
		}
		err := d.writeLeft()
		if errors.Is(err, io.ErrShortWrite) {
			d.writing = true // until the poller says that there is room
			return
		}
		q.Release(d.left.batch)
		d.left = partialWrite{}
		if err != nil {
			d.broken(err)
			return
		}
	}
}

// writeLeft writes what is left of a batch; io.ErrShortWrite if that is not all.
func (d *duplex) writeLeft() error {
	j := joiners.Get().(*messageJoiner)
	defer joiners.Put(j)
	left := &d.left
	for len(left.started) > 0 || len(left.messages) > 0 {
		piece, n := left.started, 0
		if len(piece) == 0 {
			piece, n = j.Join(left.messages, d.encode, d.common)
		}
		written, err := d.polled.Write(piece)
		left.messages = left.messages[n:]
		if written > 0 {
			d.progress++
		}
		if err != nil {
			left.started = piece[written:]
			if j.Owns(piece) {
				left.started = bytes.Clone(left.started)
			}
			return err
		}
		left.started = nil
	}
	return nil
}

// drain writes all that waits, in as few system calls as it can, until nothing does.
func (d *duplex) drain() {
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for !s.queue.Empty() && err == nil {
		batch := s.queue.Take()
		d.progress++
		s.mu.Unlock()
		err = d.writeBatch(batch)
		s.mu.Lock()
		s.queue.Release(batch)
	}
	d.writing = false
	if err != nil {
		d.broken(err)
	} else if d.stopped && d.drained != nil {
		d.drained()
	}
	s.taskDone()
}

func (d *duplex) writeBatch(batch []*Message) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = d.session.panicked(placeWrite, value)
			d.session.close(ReasonTransportError, err, closeBroken)
		}
	}()
	return writeFrames(d.conn, batch, d.encode)
}

// broken ends the session: part of a frame may be out, and nothing can follow it. The session's lock is held.
func (d *duplex) broken(err error) {
	d.session.closeLocked(ReasonTransportClose, fmt.Errorf("write: %w", err), closeBroken)
	d.interrupt()
}

// writeFrames writes the messages' frames. Each call writes whole ones.
func writeFrames(conn io.Writer, messages []*Message, frameOf func(*Message) []byte) error {
	j := joiners.Get().(*messageJoiner)
	defer joiners.Put(j)
	for len(messages) > 0 {
		piece, n := j.Join(messages, frameOf, false)
		if _, err := conn.Write(piece); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

type messageJoiner = websocket.Joiner[*Message]

// joiners are pooled: a goroutine mostly gets the one that it has just put back, which remembers the piece of the room's last member.
var joiners = sync.Pool{New: func() any { return new(messageJoiner) }}
