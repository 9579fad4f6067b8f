// SPDX-License-Identifier: Apache-2.0

package cors

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

const defaultCORSMethods = "GET,HEAD,PUT,PATCH,POST,DELETE"

// maxOrigin limits the origins that are compared with patterns: a scheme, a host name of 253
// characters and a port.
const maxOrigin = 300

// Policy lists the pages of other origins that may connect. Browsers apply its headers to polls
// (Fetch standard, "HTTP CORS protocol"); all answers have them, refusals too, so that a page can
// read the reason. The server itself refuses pages of unlisted origins, by every transport.
type Policy struct {
	// Origins are the accepted ones: exact ones such as "https://chat.example.com" or "null";
	// patterns such as "https://*.example.com" or "http://localhost:*" (an asterisk matches
	// letters, digits, dots and hyphens, never a slash, a colon or an at sign); and "*" for any. A
	// page of another origin is refused with 403, code 4, and the answer has no allow-origin
	// header. Pages of the host itself are accepted, and so are clients without an origin, which
	// are not browsers. Without Origins all pages are accepted.
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

// Check returns an error for a policy that makes no sense. A nil policy is valid.
func (p *Policy) Check() error {
	switch {
	case p == nil:
		return nil
	case p.MaxAge < 0:
		return fmt.Errorf("negative CORS max age %s", p.MaxAge)
	case p.PreflightStatus != 0 && (p.PreflightStatus < 200 || p.PreflightStatus > 299):
		return fmt.Errorf("CORS preflight status %d is not one of success", p.PreflightStatus)
	}
	for _, origin := range p.Origins {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	for _, list := range [][]string{p.Methods, p.AllowedHeaders, p.ExposedHeaders} {
		for _, name := range list {
			if !httpx.IsToken(name) {
				return fmt.Errorf("CORS method or header name %q has a character that HTTP does not allow", name)
			}
		}
	}
	return nil
}

// Apply sets the headers of an answer; a nil policy sets none. It reports whether the request was a
// preflight, which it has then answered.
func (p *Policy) Apply(w http.ResponseWriter, r *http.Request) (answered bool) {
	if p == nil {
		return false
	}
	h := w.Header()
	p.allowOrigin(h, r.Header.Get("Origin"))
	if p.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(p.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(p.ExposedHeaders, ","))
	}
	if r.Method != http.MethodOptions {
		return false
	}
	p.preflight(h, r.Header.Get("Access-Control-Request-Headers"))
	w.WriteHeader(cmp.Or(p.PreflightStatus, http.StatusNoContent))
	return true
}

func (p *Policy) allowOrigin(h http.Header, origin string) {
	if slices.Contains(p.Origins, "*") && !p.Credentials && !p.Reflect {
		h.Set("Access-Control-Allow-Origin", "*")
		return
	}
	h.Add("Vary", "Origin") // also after a refusal, which a cache must not send to another page
	if origin == "" || len(origin) > maxOrigin || !httpx.ValidHeaderValue(origin) {
		return
	}
	if p.lists(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
	}
}

func (p *Policy) preflight(h http.Header, requested string) {
	methods := defaultCORSMethods
	if len(p.Methods) > 0 {
		methods = strings.Join(p.Methods, ",")
	}
	h.Set("Access-Control-Allow-Methods", methods)

	if len(p.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(p.AllowedHeaders, ","))
	} else {
		h.Add("Vary", "Access-Control-Request-Headers")
		if requested != "" && httpx.ValidHeaderValue(requested) {
			h.Set("Access-Control-Allow-Headers", requested)
		}
	}
	if p.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.FormatInt(int64(p.MaxAge/time.Second), 10))
	}
}
