// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"net/http"
	"net/http/httputil"
	"time"
)

const (
	// idleTimeout is shorter than a peer's own (see gateway.Serve): the sender must be the one that
	// closes an idle connection first, or a POST meets a connection that is being closed, and
	// cannot be sent again.
	idleTimeout = 90 * time.Second
	// idleConnections is how many connections to a peer may be idle. Each waiting poll has one, and
	// thousands may be answered at once.
	idleConnections = 4096
	// continueTimeout is how long a peer may take to refuse a body by its length. It usually does
	// so at once.
	continueTimeout = 30 * time.Second
)

// clientAddressHeader has the client's address for the owner. The listener for peers removes it,
// and is the only one that trusts it.
const clientAddressHeader = "Realtime-Client-Address"

// newTransport returns a transport that keeps connections to peers. It speaks HTTP/1.1, over which
// websockets can be upgraded. A poll may wait for its answer without a limit.
func newTransport(d *dialer) *http.Transport {
	return &http.Transport{
		DialTLSContext:        d.dial,
		DisableCompression:    true, // whether to compress is between the client and the owner
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       idleTimeout,
		ExpectContinueTimeout: continueTimeout,
	}
}

// rewrite turns the client's request, without changes, into the request to the owner.
func (f *Forwarder) rewrite(p *httputil.ProxyRequest) {
	t := transitOf(p.In.Context())
	p.Out.URL.Scheme, p.Out.URL.Host = "https", t.address
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := p.In.Header[name]; values != nil {
			p.Out.Header[name] = values // of proxies before this gateway; ReverseProxy drops it
		}
	}
	if t.isPoll() {
		p.Out.Body = sentOnce{}
	}
	p.Out.Header.Set(clientAddressHeader, p.In.RemoteAddr)
	p.Out.Header.Del(releaseHeader)
	p.Out.Header.Del("Expect")
	if p.In.ContentLength > f.o.MaxPayload() {
		// The owner refuses by the length alone, so that none of the body is read.
		p.Out.Header.Set("Expect", "100-continue")
	}
}
