// SPDX-License-Identifier: Apache-2.0

package cors

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// Headers by which a browser reports the origin of a request. Scripts cannot set them (Fetch
// standard, "forbidden request-header"). Sec-Fetch-Site (W3C Fetch Metadata) compares the page with
// the requested host, which a proxy may have replaced; not all browsers send it with a WebSocket
// handshake.
const (
	originHeader = "Origin"
	siteHeader   = "Sec-Fetch-Site"
)

// Refuses reports whether a request comes from a page that may not connect. Browsers only keep such
// a page from reading answers to polls: WebSockets, WebTransport, and <script> elements, which
// JSONP uses for polls, are open to all pages and carry the cookies of the host. A request without
// any of the headers is not from a page.
func (p *Policy) Refuses(r *http.Request) bool {
	if p == nil || p.HeadersOnly || len(p.Origins) == 0 {
		return false
	}
	origin, site := r.Header.Get(originHeader), r.Header.Get(siteHeader)
	switch {
	case site == "same-origin":
		return false
	case origin != "":
		return !isOriginOf(origin, r.Host) && !p.lists(origin)
	case site == "" || site == "none": // "none" is the address bar
		return false
	}
	return !p.lists(refererOrigin(r))
}

// lists reports whether an origin is one of Origins.
func (p *Policy) lists(origin string) bool {
	if slices.Contains(p.Origins, "*") {
		return true
	}
	if origin == "" || len(origin) > maxOrigin || !httpx.ValidHeaderValue(origin) {
		return false
	}
	return slices.ContainsFunc(p.Origins, func(o string) bool { return originPattern(o).matches(origin) })
}

// isOriginOf reports whether an origin has this host and port. The scheme is unknown if a proxy
// terminates TLS.
func isOriginOf(origin, host string) bool {
	_, of, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(of, host)
}

// refererOrigin returns the origin of the page that loads a script, if the page's policy lets the
// browser send it.
func refererOrigin(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
