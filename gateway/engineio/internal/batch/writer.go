// SPDX-License-Identifier: Apache-2.0

// Package batch writes the messages that wait for a client in as few system calls as it can, and keeps
// what a connection has no room for.
package batch

import (
	"bytes"
	"io"
	"sync"
)

// Rest is a batch, or what is left of one, for a connection that takes a part of a write. The zero
// value has nothing left.
type Rest[M comparable] struct {
	// started is the rest of a piece of which some bytes are out.
	started []byte
	// messages come after it.
	messages []M
	// batch is the whole; nil if nothing is left.
	batch []M
}

// Begin makes a batch the one that is left to write.
func (r *Rest[M]) Begin(batch []M) { *r = Rest[M]{messages: batch, batch: batch} }

// Left reports whether there is a batch.
func (r *Rest[M]) Left() bool { return r.batch != nil }

// Drop drops the messages of which nothing is out. A frame that has begun must be finished.
func (r *Rest[M]) Drop() { r.messages = nil }

// End forgets the batch and returns the whole of it.
func (r *Rest[M]) End() []M {
	batch := r.batch
	*r = Rest[M]{}
	return batch
}

// Writer writes batches. The zero value is ready for use, by several connections at once.
type Writer[M comparable] struct {
	// joiners has *Joiner[M]: a goroutine mostly gets the one that it has just put back, which
	// remembers the piece of the room's last member.
	joiners sync.Pool
}

func (w *Writer[M]) joiner() *Joiner[M] {
	if j, ok := w.joiners.Get().(*Joiner[M]); ok {
		return j
	}
	return new(Joiner[M])
}

// Write writes what is left, and reports whether any bytes went out. The connection returns
// io.ErrShortWrite, and so does Write, if it has no room for more. same is that of Joiner.Join.
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

// WriteAll writes the messages to a connection that blocks. Each call of conn.Write has whole frames.
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
