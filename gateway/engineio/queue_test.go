// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/batch"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/sendqueue"
)

func TestQueueCountsWhatIsBeingWritten(t *testing.T) {
	m := NewText(make([]byte, 97)) // 100 bytes
	c := &Config{MaxQueueMessages: 3, MaxQueueBytes: 1000}
	var q sendqueue.Queue[*Message]
	q.Push(m, m)
	batch := q.Take()
	if len(batch) != 2 || !q.Empty() {
		t.Fatalf("took %d, empty: %t", len(batch), q.Empty())
	}
	if q.Full(c.MaxQueueMessages, c.MaxQueueBytes) {
		t.Error("full of 2 of 3 messages")
	}
	q.Push(m)
	if !q.Full(c.MaxQueueMessages, c.MaxQueueBytes) {
		t.Error("not full of 3 messages, 2 of which are being written")
	}
	q.Drop()
	if q.Count() != 2 || q.Bytes() != 200 || !q.Empty() {
		t.Errorf("after drop: %d messages, %d bytes", q.Count(), q.Bytes())
	}
	q.Release(batch)
	if q.Count() != 0 || q.Bytes() != 0 {
		t.Errorf("after release: %d messages, %d bytes", q.Count(), q.Bytes())
	}
}

func TestQueueIsFullOfBytes(t *testing.T) {
	c := &Config{MaxQueueMessages: 1000, MaxQueueBytes: 200}
	var q sendqueue.Queue[*Message]
	for range 2 {
		if q.Full(c.MaxQueueMessages, c.MaxQueueBytes) {
			t.Errorf("full of %d bytes", q.Bytes())
		}
		q.Push(NewText(make([]byte, 97)))
	}
	if !q.Full(c.MaxQueueMessages, c.MaxQueueBytes) {
		t.Errorf("not full of %d bytes", q.Bytes())
	}
}

func TestQueueForgetsWhatItGave(t *testing.T) {
	var q sendqueue.Queue[*Message]
	for _, n := range []int{1, sendqueue.KeptCapacity, 100} {
		for range n {
			q.Push(NewText(nil))
		}
		batch := q.Take()
		q.Release(batch)
		if cap(q.Spare()) > sendqueue.KeptCapacity {
			t.Errorf("keeps room for %d messages", cap(q.Spare()))
		}
		for _, m := range q.Spare()[:cap(q.Spare())] {
			if m != nil {
				t.Fatal("keeps a message that is written")
			}
		}
	}
}

// writes is a connection that notes each write.
type writes struct {
	net.Conn
	all   bytes.Buffer
	sizes []int
}

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return w.all.Write(p)
}

func plainFrame(m *Message) []byte { return m.form.Frame() }

func TestWriteFrames(t *testing.T) {
	small, large := NewText(make([]byte, 1000)), NewBinary(make([]byte, batch.JoinedSize))
	repeat := func(m *Message, n int) (all []*Message) {
		for range n {
			all = append(all, m)
		}
		return all
	}
	for _, test := range []struct {
		name     string
		messages []*Message
		writes   int
	}{
		{"one", repeat(small, 1), 1},
		{"few small ones", repeat(small, 10), 1},
		{"more than the buffer", repeat(small, 40), 3},
		{"one large", repeat(large, 1), 1},
		{"large between small", []*Message{small, large, small, small}, 3},
		{"large at the end", []*Message{small, large}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want bytes.Buffer
			ends := map[int]bool{}
			for _, m := range test.messages {
				want.Write(m.form.Frame())
				ends[want.Len()] = true
			}
			var got writes
			if err := frameWriter.WriteAll(&got, test.messages, plainFrame); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.all.Bytes(), want.Bytes()) {
				t.Error("bytes differ")
			}
			if len(got.sizes) != test.writes {
				t.Errorf("%d writes of sizes %v, want %d", len(got.sizes), got.sizes, test.writes)
			}
			at := 0
			for _, n := range got.sizes {
				if at += n; !ends[at] {
					t.Errorf("a write ends within a frame, at %d", at)
				}
			}
		})
	}
}

func BenchmarkQueue(b *testing.B) {
	m := NewText(make([]byte, 193))
	for _, n := range []int{1, 8, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var q sendqueue.Queue[*Message]
			for b.Loop() {
				for range n {
					q.Push(m)
				}
				q.Release(q.Take())
			}
		})
	}
}

// BenchmarkDrain compares ways to write a batch to a connection whose other end is read.
func BenchmarkDrain(b *testing.B) {
	m := NewText(make([]byte, 193))
	for _, n := range []int{1, 2, 4, 8, 32, 100} {
		batch := make([]*Message, n)
		for i := range batch {
			batch[i] = m
		}
		b.Run(fmt.Sprintf("%d/buffer", n), func(b *testing.B) {
			conn := sink(b)
			b.ReportAllocs()
			for b.Loop() {
				if err := frameWriter.WriteAll(conn, batch, plainFrame); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/writev", n), func(b *testing.B) {
			conn := sink(b)
			var memory [][]byte
			b.ReportAllocs()
			for b.Loop() {
				buffers := memory[:0]
				for _, m := range batch {
					buffers = append(buffers, m.form.Frame())
				}
				memory = buffers
				if _, err := (*net.Buffers)(&buffers).WriteTo(conn); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sink is a connection to a reader that throws everything away.
func sink(b *testing.B) net.Conn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 1<<20)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		<-done
	})
	return conn
}
