// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// Cookie is what carries the session id on the answer to a handshake by polling, for load balancers that stick to it.
// Nothing here reads it. The zero value is "io=<id>; Path=/; HttpOnly; SameSite=Lax".
type Cookie struct {
	// Name is "io" by default.
	Name string
	// Path is "/" by default. NoPath leaves it out: browsers then take the request's.
	Path   string
	NoPath bool
	// Domain is left out by default: browsers then take the request's host.
	Domain string
	// MaxAge is in whole seconds; the cookie ends with the browser if zero.
	MaxAge time.Duration
	// Secure keeps it to TLS. Partitioned keeps it to the top-level site (CHIPS), which needs Secure.
	Secure, Partitioned bool
	// ScriptAccess leaves HttpOnly out.
	ScriptAccess bool
	// SameSite is Lax by default; http.SameSiteDefaultMode leaves it out.
	SameSite http.SameSite
}

// addHeaders puts the configured headers into the answer to a request that was accepted. The id is empty but for
// a handshake by polling, which alone gets the cookie, as from the reference implementation.
func (c *Config) addHeaders(h http.Header, req *request, id string) {
	if req.query.Get("sid") == "" {
		httpx.CopyHeaders(h, c.InitialHeaders)
		if c.Cookie != nil && id != "" {
			h.Add("Set-Cookie", (*httpx.Cookie)(c.Cookie).With(id).String())
		}
		if c.OnInitialHeaders != nil {
			c.OnInitialHeaders(h, req.Request)
		}
	}
	httpx.CopyHeaders(h, c.Headers)
	if c.OnHeaders != nil {
		c.OnHeaders(h, req.Request)
	}
}

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

// policy is what judges and answers by the fields; nil if there are none.
func (c *CORS) policy() *httpx.CORS { return (*httpx.CORS)(c) }

func (c *CORS) refuses(r *http.Request) bool { return c.policy().Refuses(r) }
