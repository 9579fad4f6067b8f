// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

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

// CodingQuality is how much the sender of a request likes a content coding, from 0, not at all, to 1, by its Accept-Encoding
// headers (RFC 9110 section 12.5.3). Names of codings are in lower case, such as "br". A request that does not speak of the
// coding does not want it.
func CodingQuality(header []string, coding string) float64 {
	return httpx.CodingQuality(header, coding)
}
