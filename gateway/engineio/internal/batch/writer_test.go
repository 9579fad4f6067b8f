// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// narrow is a connection that takes a few bytes at a time.
type narrow struct {
	room int
	got  bytes.Buffer
}

func (n *narrow) Write(p []byte) (int, error) {
	if len(p) <= n.room {
		return n.got.Write(p)
	}
	written, _ := n.got.Write(p[:n.room])
	return written, io.ErrShortWrite
}

// What is left does not change when another connection uses the buffer of the piece in between.
func TestWriteGoesOnWhereTheConnectionHadNoMoreRoom(t *testing.T) {
	one, two := newText([]byte("one")), newText([]byte(strings.Repeat("two", 10)))
	large := newText(bytes.Repeat([]byte("x"), JoinedSize))
	messages := []*frameOf{one, two, large, one, two}
	var want bytes.Buffer
	for _, m := range messages {
		want.Write(m.frame)
	}
	for _, room := range []int{0, 1, 7, 40, JoinedSize, 2 * JoinedSize} {
		var w Writer[*frameOf]
		var r Rest[*frameOf]
		if r.Left() {
			t.Fatal("the zero value has something left")
		}
		r.Begin(messages)
		conn := narrow{}
		for {
			conn.room = room
			before := conn.got.Len()
			progress, err := w.Write(&conn, &r, plainFrame, true)
			if progress != (conn.got.Len() > before) {
				t.Fatalf("room for %d: progress %t after %d bytes", room, progress, conn.got.Len()-before)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, io.ErrShortWrite) {
				t.Fatal(err)
			}
			if room == 0 {
				room = 5
			}
			if err := w.WriteAll(io.Discard, []*frameOf{two, two, two}, plainFrame); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(conn.got.Bytes(), want.Bytes()) {
			t.Errorf("room for %d: the bytes differ", room)
		}
		if batch := r.End(); len(batch) != len(messages) || r.Left() {
			t.Errorf("room for %d: End returns %d messages, left: %t", room, len(batch), r.Left())
		}
	}
}

func TestDropFinishesTheFrameThatHasBegun(t *testing.T) {
	one, large := newText([]byte("one")), newText(bytes.Repeat([]byte("x"), JoinedSize))
	var w Writer[*frameOf]
	var r Rest[*frameOf]
	r.Begin([]*frameOf{large, one})
	conn := narrow{room: 10}
	if _, err := w.Write(&conn, &r, plainFrame, false); !errors.Is(err, io.ErrShortWrite) {
		t.Fatal(err)
	}
	r.Drop()
	conn.room = 2 * JoinedSize
	if _, err := w.Write(&conn, &r, plainFrame, false); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(conn.got.Bytes(), large.frame) {
		t.Errorf("%d bytes are out, want the %d of the frame that has begun", conn.got.Len(), len(large.frame))
	}
}
