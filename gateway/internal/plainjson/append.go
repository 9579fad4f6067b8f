// SPDX-License-Identifier: Apache-2.0

// Package plainjson encodes JSON like JSON.stringify, as far as clients can tell: without the HTML
// escaping that is the default of encoding/json.
package plainjson

import (
	"bytes"
	"encoding/json"
)

// Append appends a value to buf. If it returns an error, buf is unchanged.
func Append(buf []byte, v any) ([]byte, error) {
	b := bytes.NewBuffer(buf)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return buf, err
	}
	written := b.Bytes()
	return written[:len(written)-1], nil // without the newline that Encode adds
}

// AppendString writes a string. Invalid UTF-8 becomes U+FFFD.
func AppendString(buf []byte, s string) []byte {
	if isPlain(s) { // like most names of events
		buf = append(buf, '"')
		buf = append(buf, s...)
		return append(buf, '"')
	}
	buf, _ = Append(buf, s) // a string always encodes
	return buf
}

// isPlain reports whether a string is the same in JSON.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
