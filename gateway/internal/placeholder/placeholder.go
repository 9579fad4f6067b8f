// SPDX-License-Identifier: Apache-2.0

// Package placeholder finds in JSON what stands for attachments: objects with the member
// "_placeholder": true (socket.io-parser, lib/binary.ts).
package placeholder

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// A Span is a placeholder in JSON, from Start up to End.
type Span struct {
	Start, End int
	// Num is the index of its attachment; -1 if it has none.
	Num int
}

// Append writes the placeholder of an attachment.
func Append(buf []byte, num int) []byte {
	buf = append(buf, `{"_placeholder":true,"num":`...)
	buf = strconv.AppendInt(buf, int64(num), 10)
	return append(buf, '}')
}

// Find returns the placeholders in a valid JSON value, in their order. A client replaces the whole
// object, so a placeholder within another is none. As for JSON.parse, the last of several members
// with the same name counts. The work is proportional to the length, however deep the value is
// nested.
func Find(data []byte) []Span {
	if !bytes.Contains(data, []byte(`_placeholder`)) && bytes.IndexByte(data, '\\') < 0 {
		return nil // like most
	}
	var s scanner
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '{', '[':
			s.open = append(s.open, container{start: i, spans: len(s.spans), num: -1, object: c == '{', atName: c == '{'})
		case '}', ']':
			s.close(i + 1)
		case ',':
			if n := len(s.open); n > 0 {
				s.open[n-1].atName = s.open[n-1].object
			}
		case '"':
			i = s.text(data, i)
		}
	}
	return s.spans
}

type scanner struct {
	open  []container
	spans []Span
}

// container is a list or an object whose end has not been reached.
type container struct {
	start int
	// spans is how many there were before it.
	spans  int
	num    int
	object bool
	// atName reports whether the next string is a member's name.
	atName bool
	marked bool
}

// text reads a string, and the start of the value behind it if the string is a member's name. It
// returns the index of the string's last byte.
func (s *scanner) text(data []byte, start int) int {
	end := jsonscan.StringEnd(data, start)
	if len(s.open) == 0 || !s.open[len(s.open)-1].atName {
		return end - 1
	}
	c := &s.open[len(s.open)-1]
	c.atName = false
	switch name := data[start:end]; {
	case is(name, "_placeholder"):
		c.marked = data[jsonscan.MemberValue(data, end)] == 't'
	case is(name, "num"):
		c.num = numberAt(data, jsonscan.MemberValue(data, end))
	}
	return end - 1
}

func (s *scanner) close(end int) {
	last := len(s.open) - 1
	if c := s.open[last]; c.marked {
		s.spans = append(s.spans[:c.spans], Span{c.start, end, c.num})
	}
	s.open = s.open[:last]
}

// is reports whether a string in JSON reads as name.
func is(raw []byte, name string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1:len(raw)-1]) == name
	}
	var text string
	_ = json.Unmarshal(raw, &text) // a valid string
	return text == name
}

// numberAt returns the natural number that begins at i; -1 if another value does.
func numberAt(data []byte, i int) int {
	if c := data[i]; c != '-' && (c < '0' || c > '9') {
		return -1
	}
	f, err := strconv.ParseFloat(string(data[i:jsonscan.ValueEnd(data, i)]), 64)
	if err != nil || f < 0 || f != math.Trunc(f) || f > math.MaxInt32 {
		return -1
	}
	return int(f)
}
