// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"net"
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
func (ws *webSocket) drain() {
	s := ws.session
	var batch []*Message
	var err error
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.queue.empty() && err == nil {
		batch = s.queue.take()
		ws.batch++
		s.mu.Unlock()
		err = writeFrames(ws.conn, batch)
		s.mu.Lock()
		s.queue.release(batch)
	}
	ws.writing = false
	if err != nil {
		// Part of a frame may be out: nothing can follow it.
		s.end(ReasonTransportClose, fmt.Errorf("write: %w", err), closeBroken)
		ws.interrupt()
	}
	s.taskDone()
}

// writeFrames writes the messages' frames. Small ones share a system call, by way of a buffer: copying some hundred bytes
// costs less than handing the kernel one more piece. Each call writes whole frames.
func writeFrames(conn net.Conn, messages []*Message) error {
	if len(messages) == 1 {
		_, err := conn.Write(messages[0].frame)
		return err
	}
	pooled := writeBuffers.Get().(*[]byte)
	defer writeBuffers.Put(pooled)
	buf := (*pooled)[:0]
	for _, m := range messages {
		if len(buf)+len(m.frame) > writeBufferSize && len(buf) > 0 {
			if _, err := conn.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
		if len(m.frame) > writeBufferSize {
			if _, err := conn.Write(m.frame); err != nil {
				return err
			}
			continue
		}
		buf = append(buf, m.frame...)
	}
	if len(buf) == 0 {
		return nil
	}
	_, err := conn.Write(buf)
	return err
}
