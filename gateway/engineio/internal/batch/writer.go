// SPDX-License-Identifier: Apache-2.0

// Package batch writes the messages for a client in as few system calls as possible, and keeps
// those for which a connection has no room.
package batch

import (
	"bytes"
	"io"
	"sync"
)

// Rest is a batch, or the rest of one, for a connection that can accept a part of a write. The zero
// value is empty.
type Rest[M comparable] struct {
	// started is the rest of a piece that was written in part.
	started []byte
	// messages come after it.
	messages []M
	// batch is the whole; nil if nothing is left.
	batch []M
}

// Begin sets the batch to write.
func (r *Rest[M]) Begin(batch []M) { *r = Rest[M]{messages: batch, batch: batch} }

// Left reports whether there is a batch to write.
func (r *Rest[M]) Left() bool { return r.batch != nil }

// Drop drops the messages of which nothing was written. A frame that was begun must be finished.
func (r *Rest[M]) Drop() { r.messages = nil }

// End removes the batch, and returns it as Begin got it.
func (r *Rest[M]) End() []M {
	batch := r.batch
	*r = Rest[M]{}
	return batch
}

// Writer writes batches. The zero value is ready for use, by several connections at once.
type Writer[M comparable] struct {
	// joiners has *Joiner[M]. A goroutine usually gets the one that it has just put back, which
	// remembers the piece of the previous member of the room.
	joiners sync.Pool
}

func (w *Writer[M]) joiner() *Joiner[M] {
	if j, ok := w.joiners.Get().(*Joiner[M]); ok {
		return j
	}
	return new(Joiner[M])
}

// Write writes the rest, and reports whether any bytes were written. The connection returns
// io.ErrShortWrite if it has no room for more, and so does Write. same is that of Joiner.Join.
func (w *Writer[M]) Write(conn io.Writer, r *Rest[M], frameOf func(M) []byte, same bool) (progress bool, err error) {
	j := w.joiner()
	defer w.joiners.Put(j)
	for len(r.started) > 0 || len(r.messages) > 0 {
		piece, n := r.started, 0
		if len(piece) == 0 {
			piece, n = j.Join(r.messages, frameOf, same)
		}
		written, err := conn.Write(piece)
		r.messages = r.messages[n:]
		progress = progress || written > 0
		if err != nil {
			r.started = piece[written:]
			if j.Owns(piece) {
				r.started = bytes.Clone(r.started)
			}
			return progress, err
		}
		r.started = nil
	}
	return progress, nil
}

// WriteAll writes the messages to a connection that blocks. Each call of conn.Write has whole
// frames.
func (w *Writer[M]) WriteAll(conn io.Writer, messages []M, frameOf func(M) []byte) error {
	j := w.joiner()
	defer w.joiners.Put(j)
	for len(messages) > 0 {
		piece, n := j.Join(messages, frameOf, false)
		if _, err := conn.Write(piece); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}
