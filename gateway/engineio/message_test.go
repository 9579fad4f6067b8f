// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/wireform"
)

func TestMessageFrames(t *testing.T) {
	for _, test := range []struct {
		name    string
		message *Message
		header  string
		payload string
		polling string
	}{
		{"text", NewText([]byte("hi")), "\x81\x03", "4hi", "4hi"},
		{"empty text", NewText(nil), "\x81\x01", "4", "4"},
		{"binary", NewBinary([]byte{1, 2, 3, 4}), "\x82\x04", "\x01\x02\x03\x04", "bAQIDBA=="},
		{"empty binary", NewBinary(nil), "\x82\x00", "", "b"},
		{"one byte of length", NewBinary(make([]byte, 125)), "\x82\x7d", string(make([]byte, 125)), ""},
		{"two bytes of length", NewBinary(make([]byte, 126)), "\x82\x7e\x00\x7e", string(make([]byte, 126)), ""},
		{"two bytes at most", NewBinary(make([]byte, 65535)), "\x82\x7e\xff\xff", string(make([]byte, 65535)), ""},
		{"eight bytes of length", NewBinary(make([]byte, 65536)), "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", string(make([]byte, 65536)), ""},
		{"ping", pingPacket, "\x81\x01", "2", "2"},
		{"close", closePacket, "\x88\x00", "", "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.header+test.payload, string(test.message.form.Frame())); diff != "" {
				t.Errorf("frame (-want +got):\n%.300s", diff)
			}
			if got := string(test.message.form.Polling()); test.polling != "" && got != test.polling {
				t.Errorf("polling form %q, want %q", got, test.polling)
			}
			if test.message.Size() != len(test.message.form.Frame()) {
				t.Errorf("size %d", test.message.Size())
			}
		})
	}
}

func TestMessageCopiesItsData(t *testing.T) {
	data := []byte("hello")
	text, binary := NewText(data), NewBinary(data)
	copy(data, "HELLO")
	if !bytes.HasSuffix(text.form.Frame(), []byte("hello")) || !bytes.HasSuffix(binary.form.Frame(), []byte("hello")) {
		t.Errorf("frames %q, %q", text.form.Frame(), binary.form.Frame())
	}
}

func TestMessageIsSharedSafely(t *testing.T) {
	m := NewBinary([]byte{0, 1, 2})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := string(m.form.Polling()); got != "bAAEC" {
				t.Errorf("polling form %q", got)
			}
		})
	}
	all.Wait()
}

// deflated returns the frame for a client with compression.
func deflated(m *Message) []byte {
	c := wireform.Client{Deflate: 1, Protocol: packet.Protocol4}
	return c.Frame(&m.form)
}

func TestMessageIsDeflatedOnceAndOnlyIfThatHelps(t *testing.T) {
	m := NewText(make([]byte, 5000))
	first := deflated(m)
	if len(first) >= 100 || first[0] != websocket.FinalText|websocket.CompressedBit {
		t.Errorf("frame of %d bytes, begins with %x", len(first), first[0])
	}
	if &first[0] != &deflated(m)[0] {
		t.Error("compressed again")
	}
	short := NewText([]byte("a"))
	if got := deflated(short); &got[0] != &short.form.Frame()[0] {
		t.Errorf("frame got longer: %x", got)
	}
}

func TestCompressKeepsTheMessage(t *testing.T) {
	for _, m := range []*Message{NewText([]byte("text")), NewBinary([]byte("bytes"))} {
		off := m.Compress(false)
		if m.Compress(true) != m || off.Compress(false) != off || off == m || off.form.IsCompressible() || !off.Compress(true).form.IsCompressible() {
			t.Error("the flag is not as it was asked for")
		}
		if string(off.form.Polling()) != string(m.form.Polling()) || string(off.form.Frame()) != string(m.form.Frame()) {
			t.Errorf("message %q became %q", m.form.Polling(), off.form.Polling())
		}
	}
}

// made keeps the compiler from leaving the allocation of a message out.
var made *Message

func BenchmarkNewText(b *testing.B) {
	for _, size := range []int{193, 4 << 10} {
		data := []byte(strings.Repeat("x", size))
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				made = NewText(data)
			}
		})
	}
}

func BenchmarkNewBinary(b *testing.B) {
	data := make([]byte, 1000)
	for _, form := range []string{"websocket", "polling too"} {
		b.Run(form, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if m := NewBinary(data); form != "websocket" {
					m.form.Polling()
				}
			}
		})
	}
}
