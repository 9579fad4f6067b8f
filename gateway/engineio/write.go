// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"io"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/batch"
)

// frameWriter writes the frames of all connections.
var frameWriter batch.Writer[*Message]

// writeNow writes as much of the queue as the socket has room for. The session's lock is held
// during a system call.
func (d *duplex) writeNow() {
	q := &d.session.queue
	for d.left.Left() || !q.Empty() {
		if !d.left.Left() {
			d.left.Begin(q.Take())
		}
		progress, err := frameWriter.Write(d.polled, &d.left, d.encode, d.common)
		if progress {
			d.progress++
		}
		if errors.Is(err, io.ErrShortWrite) {
			d.writing = true // until the poller reports room
			return
		}
		q.Release(d.left.End())
		if err != nil {
			d.broken(err)
			return
		}
	}
}

// drain writes until the queue is empty, in as few system calls as possible.
func (d *duplex) drain() {
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for !s.queue.Empty() && err == nil {
		messages := s.queue.Take()
		d.progress++
		s.mu.Unlock()
		err = d.writeBatch(messages)
		s.mu.Lock()
		s.queue.Release(messages)
	}
	d.writing = false
	if err != nil {
		d.broken(err)
	} else if d.stopped && d.drained != nil {
		d.drained()
	}
	s.taskDone()
}

func (d *duplex) writeBatch(messages []*Message) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = d.session.panicked(placeWrite, value)
			d.session.close(ReasonTransportError, err, closeBroken)
		}
	}()
	return frameWriter.WriteAll(d.conn, messages, d.encode)
}

// broken ends the session: part of a frame may have been sent, so nothing can follow. The session's
// lock is held.
func (d *duplex) broken(err error) {
	d.session.closeLocked(ReasonTransportClose, fmt.Errorf("write: %w", err), closeBroken)
	d.interrupt()
}
