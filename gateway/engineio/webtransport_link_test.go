// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bufio"
	"bytes"
	"errors"
	"testing"
)

func TestWebTransportFrameOfAnEmptyBinaryMessage(t *testing.T) {
	if got := string(webTransportFrame(NewBinary(nil))); got != "\x01b" {
		t.Errorf("frame %q", got)
	}
}

func FuzzWebTransportFrame(f *testing.F) {
	for _, seed := range []string{"", "\x010", "\x064hello", "\x81\x04", "\x80", "\x01b", "\x7e\x00\x024a", "\x7f\x00\x00\x00\x00\x00\x00\x00\x024a", "\x00", "\x7f\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		wt := &webTransport{reader: bufio.NewReader(bytes.NewReader(sent)), limit: 1000}
		for {
			p, err := wt.readPacket()
			var invalid *invalidPacketError
			if errors.As(err, &invalid) {
				continue
			}
			if err != nil {
				return // at the latest at the end
			}
			m := newTextPacket(p.typ, p.data)
			if p.binary {
				m = NewBinary(p.data)
			}
			again := &webTransport{reader: bufio.NewReader(bytes.NewReader(webTransportFrame(m))), limit: 2000}
			if q, err := again.readPacket(); err != nil || q.typ != p.typ || q.binary != p.binary || !bytes.Equal(q.data, p.data) {
				t.Errorf("%+v became %+v, %v", p, q, err)
			}
		}
	})
}
