// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// addHeaders puts the configured headers into the answer to a request that was accepted. The id is empty but for
// a handshake by polling, which alone gets the cookie, as from the reference implementation.
func (c *Config) addHeaders(h http.Header, req *request, id string) {
	if req.query.Get("sid") == "" {
		copyHeaders(h, c.InitialHeaders)
		if c.Cookie != nil && id != "" {
			h.Add("Set-Cookie", c.Cookie.with(id).String())
		}
		if c.OnInitialHeaders != nil {
			c.OnInitialHeaders(h, req.Request)
		}
	}
	copyHeaders(h, c.Headers)
	if c.OnHeaders != nil {
		c.OnHeaders(h, req.Request)
	}
}

// copyHeaders replaces headers, but for those of which each line counts. Nobody may append to the configuration's values.
func copyHeaders(h, configured http.Header) {
	for name, values := range configured {
		if name == "Vary" || name == "Set-Cookie" {
			h[name] = append(h[name], values...)
			continue
		}
		h[name] = slices.Clip(values)
	}
}

// checkHeaders refuses headers that HTTP does not allow, and such as belong to the websocket handshake.
func checkHeaders(h http.Header) error {
	for name, values := range h {
		if !isToken(name) {
			return fmt.Errorf("configure engine.io: header name %q has a character that HTTP does not allow", name)
		}
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			return fmt.Errorf("configure engine.io: header name %q, want it as %q", name, canonical)
		}
		if reservedHeaders[name] || strings.HasPrefix(name, "Sec-Websocket-") {
			return fmt.Errorf("configure engine.io: header %q is the server's own", name)
		}
		for _, v := range values {
			if !validHeaderValue(v) {
				return fmt.Errorf("configure engine.io: header %q has a control character in its value", name)
			}
		}
	}
	return nil
}

var reservedHeaders = map[string]bool{
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true, "Upgrade": true,
}

// validHeaderValue reports whether a header's value is free of control characters (RFC 9110 section 5.5).
func validHeaderValue(v string) bool {
	for i := range len(v) {
		if b := v[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// isToken reports whether s may be the name of a method or a header (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}) < 0
}
