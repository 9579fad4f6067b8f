// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const defaultCORSMethods = "GET,HEAD,PUT,PATCH,POST,DELETE"

// maxOrigin bounds what is compared with patterns: a scheme, a host name of 253 characters and a port.
const maxOrigin = 300

// CORS says which pages of other origins may connect. Browsers hold to its headers for polls (Fetch standard, "HTTP CORS
// protocol"); they are in all answers, refusals too, so that a page can read why. For all transports, websockets and WebTransport
// among them, the server itself refuses pages of origins that are not listed.
type CORS struct {
	// Origins are those let in: exact ones such as "https://chat.example.com", "null" among them; patterns such as
	// "https://*.example.com" or "http://localhost:*" (an asterisk stands for letters, digits, dots and hyphens,
	// never for a slash, a colon or an at sign); and "*" for any.
	// A page of another origin is refused with 403, code 4, and the answer has no allow-origin header. Pages of
	// the host itself, and clients that are no browsers and say no origin, are let in. Without Origins nobody is refused.
	Origins []string
	// HeadersOnly refuses no page, as the reference implementation does: the headers alone keep pages out, from polls alone.
	HeadersOnly bool
	// Reflect names the page's own origin where Origins has "*", in place of an asterisk.
	Reflect bool
	// Credentials lets such pages send cookies. Browsers do not accept "*" with credentials, so it implies Reflect.
	Credentials bool
	// Methods are those a preflight allows; GET, HEAD, PUT, PATCH, POST and DELETE by default.
	Methods []string
	// AllowedHeaders are the request headers that a preflight allows; by default those that it asks for.
	AllowedHeaders []string
	// ExposedHeaders are the answer's headers that a page may read.
	ExposedHeaders []string
	// MaxAge is how long a browser may keep the answer to a preflight, in whole seconds; not said if zero.
	MaxAge time.Duration
	// PreflightStatus answers a preflight, 204 by default. Some old browsers choke on 204; any of 200 to 299 will do.
	PreflightStatus int
}

func (c *CORS) check() error {
	switch {
	case c == nil:
		return nil
	case c.MaxAge < 0:
		return fmt.Errorf("configure engine.io: negative CORS max age %s", c.MaxAge)
	case c.PreflightStatus != 0 && (c.PreflightStatus < 200 || c.PreflightStatus > 299):
		return fmt.Errorf("configure engine.io: CORS preflight status %d is not one of success", c.PreflightStatus)
	}
	for _, origin := range c.Origins {
		if err := checkOrigin(origin); err != nil {
			return fmt.Errorf("configure engine.io: %w", err)
		}
	}
	for _, list := range [][]string{c.Methods, c.AllowedHeaders, c.ExposedHeaders} {
		for _, name := range list {
			if !isToken(name) {
				return fmt.Errorf("configure engine.io: CORS method or header name %q has a character that HTTP does not allow", name)
			}
		}
	}
	return nil
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
	status := c.PreflightStatus
	setDefault(&status, http.StatusNoContent)
	w.WriteHeader(status)
	return true
}

func (c *CORS) allowOrigin(h http.Header, origin string) {
	if slices.Contains(c.Origins, "*") && !c.Credentials && !c.Reflect {
		h.Set("Access-Control-Allow-Origin", "*")
		return
	}
	h.Add("Vary", "Origin") // also where it is refused: a cache may not answer another page with that
	if origin == "" || len(origin) > maxOrigin || !validHeaderValue(origin) {
		return
	}
	if c.lists(origin) {
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
