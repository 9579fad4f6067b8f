// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
)

// A message's text begins with its stamp: a mark that nothing else on the wire has, and digits of
// known width.
const (
	mark       = "@@"
	stampBytes = len(mark) + 4 + 4 + 10 + 14
)

// stamp says which message it is, so that a receiver need not remember what was sent.
type stamp struct {
	group, slot int
	sequence    int   // of the slot, from 1
	sent        int64 // ns since the program began
}

// text is a message of a size in bytes, stampBytes at least. Only JSON's plain letters are in it.
func (s stamp) text(size int) []byte {
	text := fmt.Appendf(make([]byte, 0, size), "%s%04d%04d%010d%014d", mark, s.group, s.slot, s.sequence, s.sent)
	for len(text) < size {
		text = append(text, 'x')
	}
	return text
}

// finder reads stamps out of packets. All packets of a kind look alike, so it first looks where the
// last one was.
type finder struct{ offset int }

func (f *finder) find(packet []byte) (stamp, bool) {
	at := f.offset
	if len(packet) < at+stampBytes || packet[at] != mark[0] || packet[at+1] != mark[1] {
		if at = bytes.Index(packet, []byte(mark)); at < 0 || len(packet) < at+stampBytes {
			return stamp{}, false
		}
		f.offset = at
	}
	digits := packet[at+len(mark):]
	return stamp{
		group:    int(number(digits[:4])),
		slot:     int(number(digits[4:8])),
		sequence: int(number(digits[8:18])),
		sent:     number(digits[18:32]),
	}, true
}

func number(digits []byte) int64 {
	n := int64(0)
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	return n
}
