// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
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
	for d.left.batch != nil || !q.empty() {
		if d.left.batch == nil {
			batch := q.take()
			d.left = partialWrite{messages: batch, batch: batch}
		}
		err := d.writeLeft()
		if errors.Is(err, io.ErrShortWrite) {
			d.writing = true // until the poller says that there is room
			return
		}
		q.release(d.left.batch)
		d.left = partialWrite{}
		if err != nil {
			d.broken(err)
			return
		}
	}
}

// writeLeft writes what is left of a batch; io.ErrShortWrite if that is not all.
func (d *duplex) writeLeft() error {
	j := joiners.Get().(*joiner)
	defer joiners.Put(j)
	left := &d.left
	for len(left.started) > 0 || len(left.messages) > 0 {
		piece, n := left.started, 0
		if len(piece) == 0 {
			piece, n = j.join(left.messages, d.encode, d.common)
		}
		written, err := d.polled.Write(piece)
		left.messages = left.messages[n:]
		if written > 0 {
			d.progress++
		}
		if err != nil {
			left.started = piece[written:]
			if j.owns(piece) {
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
	for !s.queue.empty() && err == nil {
		batch := s.queue.take()
		d.progress++
		s.mu.Unlock()
		err = d.writeBatch(batch)
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

// joinedSize is how much goes out in one system call when many small frames wait: copying some hundred bytes costs less than
// handing the kernel one more piece. A slow client's writer holds one such buffer while it waits.
const joinedSize = 16 << 10

// joiner makes one piece of many frames. It remembers the last piece: the next member of a room mostly waits for the same
// messages, and shares the bytes. From the pool, a goroutine mostly gets the joiner that it has just put back.
type joiner struct {
	messages []*Message
	bytes    []byte
}

var joiners = sync.Pool{New: func() any { return new(joiner) }}

// owns tells whether bytes are the joiner's, and not those of a message, which do not change.
func (j *joiner) owns(piece []byte) bool {
	return len(piece) > 0 && len(j.bytes) > 0 && &piece[0] == &j.bytes[0]
}

// join returns the frames of as many messages as fit, of one at least, and how many these are. The bytes are good until the next
// call, and may not be changed. same: the frames are those that all connections share.
func (j *joiner) join(messages []*Message, frameOf func(*Message) []byte, same bool) ([]byte, int) {
	if len(messages) == 1 {
		return frameOf(messages[0]), 1
	}
	if same && slices.Equal(messages, j.messages) {
		return j.bytes, len(messages)
	}
	first := frameOf(messages[0])
	if len(first) >= joinedSize {
		return first, 1
	}
	clear(j.messages)
	j.messages = j.messages[:0]
	j.bytes = append(j.bytes[:0], first...)
	n := 1
	for ; n < len(messages); n++ {
		frame := frameOf(messages[n])
		if len(j.bytes)+len(frame) > joinedSize {
			break
		}
		j.bytes = append(j.bytes, frame...)
	}
	if same {
		j.messages = append(j.messages, messages[:n]...)
	}
	return j.bytes, n
}
