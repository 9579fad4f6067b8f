// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"net/http"
	"net/http/httputil"
	"time"
)

const (
	// idleTimeout is shorter than a peer's own (see gateway.Serve): who closes first must be who
	// sends, or a POST meets a connection that is being closed, and cannot be sent again.
	idleTimeout = 90 * time.Second
	// idleConnections may wait for the next request to a peer. Each poll that waits there has one
	// of its own, and thousands may be answered at once.
	idleConnections = 4096
	// continueTimeout is how long a peer may take to refuse a body by its length. There is no
	// haste: it does so at once.
	continueTimeout = 30 * time.Second
)

// clientAddressHeader tells the owner where the request came from. The listener for peers takes it
// off again, and only that one believes it.
const clientAddressHeader = "Realtime-Client-Address"

// newTransport keeps connections to peers. It speaks HTTP/1.1, by which websockets can be upgraded.
// A poll may wait for its answer as long as it likes.
func newTransport(d *dialer) *http.Transport {
	return &http.Transport{
		DialTLSContext:        d.dial,
		DisableCompression:    true, // whether to compress is between the client and the owner
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       idleTimeout,
		ExpectContinueTimeout: continueTimeout,
	}
}

// rewrite makes the request to the owner: the client's, as it is.
func (f *Forwarder) rewrite(p *httputil.ProxyRequest) {
	t := transitOf(p.In.Context())
	p.Out.URL.Scheme, p.Out.URL.Host = "https", t.address
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := p.In.Header[name]; values != nil {
			p.Out.Header[name] = values // what proxies before this gateway have said; ReverseProxy drops it
		}
	}
	if t.isPoll() {
		p.Out.Body = sentOnce{}
	}
	p.Out.Header.Set(clientAddressHeader, p.In.RemoteAddr)
	p.Out.Header.Del(releaseHeader)
	p.Out.Header.Del("Expect")
	if p.In.ContentLength > f.o.MaxPayload() {
		// The owner refuses by the length alone, and none of the body is read.
		p.Out.Header.Set("Expect", "100-continue")
	}
}
