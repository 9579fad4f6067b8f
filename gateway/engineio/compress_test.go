// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

func TestAcceptedCoding(t *testing.T) {
	for _, test := range []struct {
		header []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"deflate"}, "deflate"},
		{[]string{"br"}, ""},
		{[]string{"gzip, deflate, br, zstd"}, "gzip"},
		{[]string{"br, deflate, gzip"}, "deflate"},
		{[]string{"br", "GZIP"}, "gzip"},
		{[]string{"gzip;q=0.5, deflate;q=0.8"}, "deflate"},
		{[]string{"gzip ; Q=0.5 , deflate;q=0.2"}, "gzip"},
		{[]string{"gzip;q=0"}, ""},
		{[]string{"gzip;q=0, deflate;q=0.001"}, "deflate"},
		{[]string{"*"}, "gzip"},
		{[]string{"*;q=0"}, ""},
		{[]string{"gzip;q=0, *"}, "deflate"},
		{[]string{"deflate;q=0.5, *;q=0.1"}, "deflate"},
		{[]string{"identity, gzip;q=0.5"}, "gzip"},
		{[]string{"gzip;q=high"}, ""},
		{[]string{"gzip;q=NaN"}, ""},
		{[]string{"gzip;q=2"}, ""},
		{[]string{";;,,="}, ""},
	} {
		if got := acceptedCoding(test.header); got != test.want {
			t.Errorf("%q: chose %q, want %q", test.header, got, test.want)
		}
	}
}

func TestMessageIsDeflatedOnceAndOnlyIfThatHelps(t *testing.T) {
	m := NewText(make([]byte, 5000))
	first := m.deflatedFrame()
	if len(first) >= 100 || first[0] != websocket.FinalText|websocket.CompressedBit {
		t.Errorf("frame of %d bytes, begins with %x", len(first), first[0])
	}
	if &first[0] != &m.deflatedFrame()[0] {
		t.Error("compressed again")
	}
	short := NewText([]byte("a"))
	if got := short.deflatedFrame(); &got[0] != &short.frame[0] {
		t.Errorf("frame got longer: %x", got)
	}
}

func TestCompressKeepsTheMessage(t *testing.T) {
	for _, m := range []*Message{NewText([]byte("text")), NewBinary([]byte("bytes"))} {
		off := m.Compress(false)
		if m.Compress(true) != m || off.Compress(false) != off || off == m || !off.uncompressed || off.Compress(true).uncompressed {
			t.Error("the flag is not as it was asked for")
		}
		if string(off.pollingForm()) != string(m.pollingForm()) || string(off.frame) != string(m.frame) {
			t.Errorf("message %q became %q", m.pollingForm(), off.pollingForm())
		}
	}
}
