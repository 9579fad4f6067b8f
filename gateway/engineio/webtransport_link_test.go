// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"errors"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

func TestWebTransportFrameOfAnEmptyBinaryMessage(t *testing.T) {
	if got := string(NewBinary(nil).form.StreamFrame()); got != "\x01b" {
		t.Errorf("frame %q", got)
	}
}

func FuzzWebTransportFrame(f *testing.F) {
	for _, seed := range []string{"", "\x010", "\x064hello", "\x81\x04", "\x80", "\x01b", "\x7e\x00\x024a", "\x7f\x00\x00\x00\x00\x00\x00\x00\x024a", "\x00", "\x7f\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		r := packet.NewStreamReader(bytes.NewReader(sent), 1000)
		for {
			p, err := r.Read()
			var invalid *packet.InvalidError
			if errors.As(err, &invalid) {
				continue
			}
			if err != nil {
				return // at the latest at the end
			}
			m := newTextPacket(p.Type, p.Data)
			if p.Binary {
				m = NewBinary(p.Data)
			}
			again := packet.NewStreamReader(bytes.NewReader(m.form.StreamFrame()), 2000)
			if q, err := again.Read(); err != nil || q.Type != p.Type || q.Binary != p.Binary || !bytes.Equal(q.Data, p.Data) {
				t.Errorf("%+v became %+v, %v", p, q, err)
			}
		}
	})
}
