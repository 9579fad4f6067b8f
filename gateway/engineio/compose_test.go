// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"testing"
)

func TestAComposedTextIsTheSameAsACopiedOne(t *testing.T) {
	for _, n := range []int{0, 1, 124, 125, 126, 1000, 0xfffe, 0xffff, 0x10000} {
		data := bytes.Repeat([]byte{'x'}, n)
		want, got := NewText(data), ComposeText(append(make([]byte, Headroom), data...))
		if !bytes.Equal(got.form.Frame(), want.form.Frame()) || !bytes.Equal(got.form.Polling(), want.form.Polling()) || got.form.IsBinary() {
			t.Errorf("%d bytes: frame %.20q, want %.20q; by polling %.20q, want %.20q", n, got.form.Frame(), want.form.Frame(), got.form.Polling(), want.form.Polling())
		}
	}
}

func BenchmarkComposeText(b *testing.B) {
	data := bytes.Repeat([]byte{'x'}, 100)
	b.ReportAllocs()
	for b.Loop() {
		buf := make([]byte, Headroom, Headroom+len(data))
		made = ComposeText(append(buf, data...))
	}
}
