// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const defaultCORSMethods = "GET,HEAD,PUT,PATCH,POST,DELETE"

// CORS says which pages of other origins a browser lets connect by HTTP (Fetch standard, "HTTP CORS protocol").
// Browsers do not ask it for websocket connections.
type CORS struct {
	// Origins such as "https://chat.example.com", or "*" for any.
	Origins []string
	// Credentials lets such pages send cookies. Browsers do not accept "*" with credentials, so the
	// page's own origin is named in its place.
	Credentials bool
	// Methods are those a preflight allows, all usual ones by default.
	Methods []string
	// AllowedHeaders are the request headers that a preflight allows; by default those that it asks for.
	AllowedHeaders []string
	// ExposedHeaders are the answer's headers that a page may read.
	ExposedHeaders []string
	// MaxAge is how long a browser may keep the answer to a preflight; not said if zero.
	MaxAge time.Duration
}

// apply sets the headers of an answer. It reports whether the request was a preflight, which it has then answered.
func (c *CORS) apply(w http.ResponseWriter, r *http.Request) (answered bool) {
	if c == nil {
		return false
	}
	h := w.Header()
	c.allowOrigin(h, r.Header.Get("Origin"))
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposedHeaders, ","))
	}
	if r.Method != http.MethodOptions {
		return false
	}
	c.preflight(h, r.Header.Get("Access-Control-Request-Headers"))
	w.WriteHeader(http.StatusNoContent)
	return true
}

func (c *CORS) allowOrigin(h http.Header, origin string) {
	anyOrigin := slices.Contains(c.Origins, "*")
	if anyOrigin && !c.Credentials {
		h.Set("Access-Control-Allow-Origin", "*")
		return
	}
	h.Add("Vary", "Origin")
	if validHeaderValue(origin) && origin != "" && (anyOrigin || slices.Contains(c.Origins, origin)) {
		h.Set("Access-Control-Allow-Origin", origin)
	}
}

func (c *CORS) preflight(h http.Header, requested string) {
	methods := defaultCORSMethods
	if len(c.Methods) > 0 {
		methods = strings.Join(c.Methods, ",")
	}
	h.Set("Access-Control-Allow-Methods", methods)

	if len(c.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(c.AllowedHeaders, ","))
	} else {
		h.Add("Vary", "Access-Control-Request-Headers")
		if requested != "" && validHeaderValue(requested) {
			h.Set("Access-Control-Allow-Headers", requested)
		}
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
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
