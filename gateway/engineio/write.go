// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"io"
	"sync"
)

// writeBufferSize is how much goes out in one system call when many small frames wait. A slow client's writer
// holds one such buffer while it waits.
const writeBufferSize = 16 << 10

var writeBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, writeBufferSize)
	return &b
}}

// drain writes all that waits, in as few system calls as it can, until nothing does.
func (d *duplex) drain() {
	s := d.session
	var batch []*Message
	var err error
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.queue.empty() && err == nil {
		batch = s.queue.take()
		d.batch++
		s.mu.Unlock()
		err = writeFrames(d.conn, batch, d.encode)
		s.mu.Lock()
		s.queue.release(batch)
	}
	d.writing = false
	if err != nil {
		// Part of a frame may be out: nothing can follow it.
		s.end(ReasonTransportClose, fmt.Errorf("write: %w", err), closeBroken)
		d.interrupt()
	} else if d.stopped && d.drained != nil {
		d.drained()
	}
	s.taskDone()
}

// writeFrames writes the messages' frames. Small ones share a system call, by way of a buffer: copying some hundred bytes
// costs less than handing the kernel one more piece. Each call writes whole frames.
func writeFrames(conn io.Writer, messages []*Message, frameOf func(*Message) []byte) error {
	if len(messages) == 1 {
		_, err := conn.Write(frameOf(messages[0]))
		return err
	}
	pooled := writeBuffers.Get().(*[]byte)
	defer writeBuffers.Put(pooled)
	buf := (*pooled)[:0]
	for _, m := range messages {
		frame := frameOf(m)
		if len(buf)+len(frame) > writeBufferSize && len(buf) > 0 {
			if _, err := conn.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
		if len(frame) > writeBufferSize {
			if _, err := conn.Write(frame); err != nil {
				return err
			}
			continue
		}
		buf = append(buf, frame...)
	}
	if len(buf) == 0 {
		return nil
	}
	_, err := conn.Write(buf)
	return err
}
