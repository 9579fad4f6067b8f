// SPDX-License-Identifier: Apache-2.0

package clientaddr

import (
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
)

// Trust says which proxies are believed.
type Trust struct {
	// Proxies are their addresses; none: no client is behind a proxy.
	Proxies []netip.Prefix
	// ProxyProtocol: they begin each connection with a header of the PROXY protocol.
	ProxyProtocol bool
}

// Problem is what was wrong with a request or a connection, for Resolver.OnProblem.
type Problem string

const (
	// Untrusted: somebody else than a trusted proxy has sent an X-Forwarded-For, which was ignored.
	Untrusted Problem = "untrusted"
	// Missing: a trusted proxy has sent no X-Forwarded-For.
	Missing Problem = "missing"
	// Malformed: an element of a trusted proxy's X-Forwarded-For is no IP address.
	Malformed Problem = "malformed"
	// Unproxied: a trusted proxy's connection did not begin with a valid header of the PROXY
	// protocol, and was refused.
	Unproxied Problem = "proxy_protocol"
)

// Problems lists all problems.
func Problems() []Problem { return []Problem{Untrusted, Missing, Malformed, Unproxied} }

// Resolver finds out the addresses of clients. The zero value trusts nobody. Safe for concurrent
// use.
type Resolver struct {
	// OnProblem is called for each problem. It must be set before the resolver is used, and must
	// not block; it may be nil.
	OnProblem func(Problem)

	trust atomic.Pointer[Trust] // nil if nobody is trusted
}

// Set changes who is trusted, for future requests and connections.
func (v *Resolver) Set(t Trust) {
	if len(t.Proxies) == 0 {
		v.trust.Store(nil)
		return
	}
	v.trust.Store(&t)
}

func (v *Resolver) tell(p Problem) {
	if v.OnProblem != nil {
		v.OnProblem(p)
	}
}

// Trusts reports whether a request, as it has come, is of a trusted proxy, so that its headers are
// not those of a client. A proxy of the PROXY protocol alone writes none.
func (v *Resolver) Trusts(r *http.Request) bool {
	t := v.trust.Load()
	if t == nil || isAnonymous(r.Context()) {
		return false
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && t.trusts(plain(remote.Addr()))
}

// Request returns a request whose RemoteAddr has the client's address.
func (v *Resolver) Request(r *http.Request) *http.Request {
	t := v.trust.Load()
	if t == nil {
		return r
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || isAnonymous(r.Context()) {
		return r
	}
	peer := plain(remote.Addr())
	client, problem := t.client(peer, r.Header["X-Forwarded-For"])
	if problem == Malformed || problem != "" && !t.ProxyProtocol { // of which a connection has a header
		v.tell(problem)
	}
	if client == peer {
		return r
	}
	r = r.WithContext(r.Context())
	r.RemoteAddr = netip.AddrPortFrom(client, remote.Port()).String()
	return r
}

// trusts reports whether an address is that of a trusted proxy.
func (t *Trust) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(t.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// plain returns an address as ranges have it: without a zone, and IPv4 as such.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
