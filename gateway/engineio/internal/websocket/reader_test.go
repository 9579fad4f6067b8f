// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	gorilla "github.com/gorilla/websocket"
)

// clientFrames are the bytes that gorilla/websocket sends as a client.
func clientFrames(t testing.TB, compress bool, send func(*gorilla.Conn)) []byte {
	t.Helper()
	conn, sent := dialRecorder(t, compress)
	send(conn)
	return sent.bytes()
}

// read lists what a reader makes of bytes that come in pieces of a size, and its error.
func read(limit int64, inflate bool, sent []byte, size int) ([]string, error) {
	return readBy(limit, inflate, sent, size, false)
}

// readBy is read; the reader may be stopped at each message.
func readBy(limit int64, inflate bool, sent []byte, size int, stop bool) ([]string, error) {
	r := Reader{Limit: limit, Inflate: inflate}
	got := []string{}
	for len(sent) > 0 {
		n := min(size, len(sent))
		piece := bytes.Clone(sent[:n])
		for before := -1; before < len(got); piece = nil { // until it takes nothing
			before = len(got)
			err := r.Feed(piece, func(opcode byte, payload []byte) (more bool, err error) {
				got = append(got, fmt.Sprintf("%x %s", opcode, payload))
				return !stop, nil
			})
			clear(piece) // which it may not keep
			if err != nil {
				return got, err
			}
		}
		sent = sent[n:]
	}
	return got, nil
}

func TestFramesInPiecesOfAnySize(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789"), 7000)
	sent := clientFrames(t, false, func(c *gorilla.Conn) {
		for _, n := range []int{0, 1, 7, 8, 9, 125, 126, 65535, 65536} {
			if err := c.WriteMessage(gorilla.BinaryMessage, large[:n]); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.WriteControl(gorilla.PingMessage, []byte("ping"), noDeadline); err != nil {
			t.Fatal(err)
		}
	})
	whole, err := read(1<<20, false, sent, len(sent))
	if err != nil || len(whole) != 10 || whole[3] != "2 01234567" || whole[9] != "9 ping" {
		t.Fatalf("%d messages, %v", len(whole), err)
	}
	for _, size := range []int{1, 2, 3, 13, 1000, 65536} {
		got, err := read(1<<20, false, sent, size)
		if diff := cmp.Diff(whole, got); diff != "" || err != nil {
			t.Errorf("in pieces of %d: %v %.300s", size, err, diff)
		}
		got, err = readBy(1<<20, false, sent, size, true)
		if diff := cmp.Diff(whole, got); diff != "" || err != nil {
			t.Errorf("in pieces of %d, with a stop at each message: %v %.300s", size, err, diff)
		}
	}
}

func TestCompressedFrames(t *testing.T) {
	text := bytes.Repeat([]byte("chat "), 1000)
	sent := clientFrames(t, true, func(c *gorilla.Conn) {
		for range 2 {
			if err := c.WriteMessage(gorilla.TextMessage, text); err != nil {
				t.Fatal(err)
			}
		}
	})
	if len(sent) > len(text) {
		t.Fatal("the client has not compressed")
	}
	got, err := read(int64(len(text)), true, sent, 10)
	if err != nil || len(got) != 2 || got[1] != "1 "+string(text) {
		t.Errorf("%d messages, %v", len(got), err)
	}
	if _, err := read(int64(len(text))-1, true, sent, len(sent)); !errors.Is(err, errTooBig) {
		t.Errorf("inflated beyond the limit: %v", err)
	}
}

func TestAnIdleFrameReaderHoldsNothing(t *testing.T) {
	sent := clientFrames(t, false, func(c *gorilla.Conn) {
		if err := c.WriteMessage(gorilla.BinaryMessage, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
	})
	r := Reader{Limit: 1 << 20}
	for _, piece := range [][]byte{sent[:50_000], sent[50_000:]} {
		if err := r.Feed(bytes.Clone(piece), func(byte, []byte) (bool, error) { return true, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if cap(r.partial) > keptPartial || cap(r.message) > 0 {
		t.Errorf("%d and %d bytes are kept", cap(r.partial), cap(r.message))
	}
}

// BenchmarkFrames reads messages of a client: each in one piece, and, as a busy client sends them,
// many in one.
func BenchmarkFrames(b *testing.B) {
	for _, size := range []int{100, 1000, 64 << 10} {
		header := AppendHeader(nil, FinalBinary, size)
		header[1] |= maskBit
		one := append(append(header, 1, 2, 3, 4), make([]byte, size)...)
		for _, n := range []int{1, 16} {
			b.Run(fmt.Sprintf("%d/%d at once", size, n), func(b *testing.B) {
				sent := bytes.Repeat(one, n)
				got := 0
				take := func(byte, []byte) (more bool, err error) { got++; return true, nil }
				r := Reader{Limit: 1 << 20}
				b.ReportAllocs()
				for b.Loop() {
					if err := r.Feed(sent, take); err != nil {
						b.Fatal(err)
					}
				}
				if got == 0 || got%n != 0 {
					b.Fatalf("%d messages", got)
				}
			})
		}
	}
}

func FuzzFrames(f *testing.F) {
	const mask = "\x01\x02\x03\x04"
	for _, seed := range []string{
		"\x81\x81" + mask + "4", "\x01\x80" + mask + "\x80\x80" + mask, "\x82\xfe\x00\x7e" + mask, "\xc1\x80" + mask,
		"\x89\x80" + mask + "\x8a\x80" + mask, "\x88\x82" + mask + "\x02\xea", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + mask,
	} {
		f.Add([]byte(seed), byte(1), true)
	}
	f.Fuzz(func(t *testing.T, sent []byte, size byte, inflate bool) {
		whole, wholeErr := read(1000, inflate, sent, max(1, len(sent)))
		pieces, err := read(1000, inflate, sent, max(1, int(size)))
		if diff := cmp.Diff(whole, pieces); diff != "" || fmt.Sprint(err) != fmt.Sprint(wholeErr) {
			t.Errorf("%v at once, %v in pieces of %d: %s", wholeErr, err, size, diff)
		}
		stops, err := readBy(1000, inflate, sent, max(1, int(size)), true)
		if diff := cmp.Diff(whole, stops); diff != "" || fmt.Sprint(err) != fmt.Sprint(wholeErr) {
			t.Errorf("%v at once, %v with stops: %s", wholeErr, err, diff)
		}
		var closed *CloseError
		if err != nil && !errors.As(err, &closed) {
			t.Errorf("%v says not how to close", err)
		}
	})
}
