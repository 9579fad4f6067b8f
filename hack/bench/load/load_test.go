// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLedger(t *testing.T) {
	for _, test := range []struct {
		name      string
		sequences []int
		want      ledger
	}{
		{"in order", []int{1, 2, 3}, ledger{Deliveries: 3}},
		{"a gap is not counted before the end", []int{1, 3}, ledger{Deliveries: 2}},
		{"one comes twice", []int{1, 2, 2, 1}, ledger{Deliveries: 2, Repeated: 2}},
		{"one comes late", []int{1, 3, 2}, ledger{Deliveries: 3, Reordered: 1}},
		{"one comes late, and again", []int{1, 3, 2, 2}, ledger{Deliveries: 3, Repeated: 1, Reordered: 1}},
		{"one from long ago", []int{1, 100, 1, 99}, ledger{Deliveries: 3, Repeated: 1, Reordered: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l ledger
			var s seen
			for _, sequence := range test.sequences {
				l.note(&s, sequence)
			}
			if diff := cmp.Diff(test.want, l); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStampIsFoundWhereverItIs(t *testing.T) {
	want := stamp{group: 7, slot: 3, sequence: 1_234_567, sent: 98_765_432_101}
	var f finder
	for _, format := range []string{`42["newMessage",{"message":"%s"}]`, `42["a","%s"]`, `%s`} {
		if got, ok := f.find(fmt.Appendf(nil, format, want.text(100))); !ok || got != want {
			t.Errorf("in %s it is %+v, %t", format, got, ok)
		}
	}
	for _, packet := range []string{"", "2", `42["systemMessage","hello"]`, "@@12"} {
		if got, ok := f.find([]byte(packet)); ok {
			t.Errorf("%q has the stamp %+v", packet, got)
		}
	}
	if size := len(want.text(100)); size != 100 {
		t.Errorf("a text of 100 bytes has %d", size)
	}
}

func TestFramesAreCutOnlyWhenComplete(t *testing.T) {
	for _, size := range []int{0, 125, 126, 65_535, 65_536} {
		payload := bytes.Repeat([]byte("x"), size)
		data := appendFrame(nil, opText, payload)
		// A server's frame is the same without the mask.
		header := len(data) - size - 4
		data = append(data[:header:header], payload...)
		data[1] &^= 0x80
		for _, cut := range []int{0, 1, header - 1, len(data) - 1} {
			if _, rest, ok, err := nextFrame(data[:cut]); ok || err != nil || len(rest) != cut {
				t.Errorf("%d of %d bytes are a frame: %t, %v", cut, len(data), ok, err)
			}
		}
		f, rest, ok, err := nextFrame(append(data, '!'))
		if err != nil || !ok || f.op != opText || !bytes.Equal(f.payload, payload) || string(rest) != "!" {
			t.Errorf("a frame of %d bytes is read as %d: %t, %v", size, len(f.payload), ok, err)
		}
	}
	if _, _, _, err := nextFrame([]byte{0xa1, 0}); err == nil {
		t.Error("a frame of an unknown extension is taken")
	}
	if f, _, ok, err := nextFrame([]byte{0xc1, 0}); !f.compressed || !ok || err != nil {
		t.Errorf("a compressed frame is read as %+v: %t, %v", f, ok, err)
	}
}

func TestProcessNamesMayHoldAnything(t *testing.T) {
	stat := "12 (a) b (c) S 7 1 1 0 -1 0 0 0 0 0 30 12 0 0 20 0 1 0 99 1000 5 0"
	parent, u := parseStat(stat)
	if parent != 7 || u.cpu != 42*tick || u.resident == 0 {
		t.Errorf("parent %d, %+v", parent, u)
	}
}
