// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// CopyHeaders replaces headers of an answer by configured ones, except that it adds to those in
// which each line counts. It keeps callers from appending to the configuration's values.
func CopyHeaders(h, configured http.Header) {
	for name, values := range configured {
		if name == "Vary" || name == "Set-Cookie" {
			h[name] = append(h[name], values...)
			continue
		}
		h[name] = slices.Clip(values)
	}
}

// CheckHeaders returns an error for headers that HTTP does not allow, and for those of the protocol
// itself.
func CheckHeaders(h http.Header) error {
	for name, values := range h {
		if !IsToken(name) {
			return fmt.Errorf("header name %q has a character that HTTP does not allow", name)
		}
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			return fmt.Errorf("header name %q, want it as %q", name, canonical)
		}
		if reservedHeaders[name] || strings.HasPrefix(name, "Sec-Websocket-") {
			return fmt.Errorf("header %q is the server's own", name)
		}
		for _, v := range values {
			if !ValidHeaderValue(v) {
				return fmt.Errorf("header %q has a control character in its value", name)
			}
		}
	}
	return nil
}

var reservedHeaders = map[string]bool{
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true, "Upgrade": true,
}

// ValidHeaderValue reports whether a header's value is free of control characters (RFC 9110 section
// 5.5).
func ValidHeaderValue(v string) bool {
	for i := range len(v) {
		if b := v[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// IsToken reports whether s may be the name of a method or a header (RFC 9110 section 5.6.2).
func IsToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}) < 0
}
