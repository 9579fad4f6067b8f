// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// Cookie carries the session id on the answer to a handshake by polling, for load balancers with
// session affinity. The server does not read it. The zero value is "io=<id>; Path=/; HttpOnly;
// SameSite=Lax".
type Cookie struct {
	// Name is "io" by default.
	Name string
	// Path is "/" by default. NoPath omits it: browsers then use the path of the request.
	Path   string
	NoPath bool
	// Domain is omitted by default: browsers then use the host of the request.
	Domain string
	// MaxAge is rounded to whole seconds. If zero, the cookie ends with the browser session.
	MaxAge time.Duration
	// Secure restricts the cookie to TLS. Partitioned restricts it to the top-level site (CHIPS)
	// and requires Secure.
	Secure, Partitioned bool
	// ScriptAccess omits HttpOnly.
	ScriptAccess bool
	// SameSite is Lax by default; http.SameSiteDefaultMode omits it.
	SameSite http.SameSite
}

// addHeaders adds the configured headers to the answer to an accepted request. The id is empty
// except for a handshake by polling: only that gets the cookie, as with the reference
// implementation.
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

// CORS lists the pages of other origins that may connect. Browsers apply its headers to polls
// (Fetch standard, "HTTP CORS protocol"); all answers have them, refusals too, so that a page can
// read the reason. The server itself refuses pages of unlisted origins, by every transport.
type CORS struct {
	// Origins are the accepted ones: exact ones such as "https://chat.example.com" or "null";
	// patterns such as "https://*.example.com" or "http://localhost:*" (an asterisk matches
	// letters, digits, dots and hyphens, never a slash, a colon or an at sign); and "*" for any. A
	// page of another origin is refused with 403, code 4, and the answer has no allow-origin
	// header. Pages of the host itself are accepted, and so are clients without an origin, which
	// are not browsers. Without Origins nobody is refused.
	Origins []string
	// HeadersOnly refuses no page, as the reference implementation does. The headers alone then
	// keep pages from polling, but not from other transports.
	HeadersOnly bool
	// Reflect sends the page's own origin instead of an asterisk where Origins has "*".
	Reflect bool
	// Credentials allows such pages to send cookies. Browsers do not accept "*" with credentials,
	// so it implies Reflect.
	Credentials bool
	// Methods are those that a preflight allows; GET, HEAD, PUT, PATCH, POST and DELETE by default.
	Methods []string
	// AllowedHeaders are the request headers that a preflight allows; by default those that it asks
	// for.
	AllowedHeaders []string
	// ExposedHeaders are the response headers that a page may read.
	ExposedHeaders []string
	// MaxAge is how long a browser may cache the answer to a preflight, in whole seconds. If zero,
	// the header is omitted.
	MaxAge time.Duration
	// PreflightStatus is the status of the answer to a preflight, 204 by default. Some old browsers
	// fail on 204; any of 200 to 299 works.
	PreflightStatus int
}

// policy converts the fields; nil if there are none.
func (c *CORS) policy() *httpx.CORS { return (*httpx.CORS)(c) }

func (c *CORS) refuses(r *http.Request) bool { return c.policy().Refuses(r) }
