// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
)

// PeerOptions are what a gateway needs so that it and its peers forward to each other.
type PeerOptions struct {
	// Address is the host and port on which peers reach Gateway.PeerHandler.
	Address string
	// Identity authenticates the gateway to them.
	Identity *forward.Identity
}

func (o *PeerOptions) address() string {
	if o == nil {
		return ""
	}
	return o.Address
}

// peers is the part of a gateway that works with the other gateways of its service, apart from
// NATS.
type peers struct {
	identity  *forward.Identity
	forwarder *forward.Forwarder
	// maxPayload is the largest payload that any of the service's sessions may have: a session
	// keeps the limit that was in force when it began.
	maxPayload atomic.Int64
}

// allow applies the limit of a configuration.
func (p *peers) allow(protocol *v1alpha1.ProtocolSpec) {
	if p != nil {
		p.maxPayload.Store(max(p.maxPayload.Load(), cmp.Or(protocol.MaxPayload.Value(), engineio.DefaultMaxPayload)))
	}
}

func (g *Gateway) startForwarding(protocol *v1alpha1.ProtocolSpec) {
	if g.peers == nil {
		return
	}
	g.peers.allow(protocol)
	g.peers.forwarder = forward.New(forward.Options{
		Self:       g.cluster.ID(),
		Find:       g.cluster.FindPeer,
		AwaitGone:  g.cluster.AwaitPeerGone,
		Identity:   g.peers.identity,
		Local:      g.io,
		MaxPayload: g.peers.maxPayload.Load,
		Registerer: g.metrics,
		Log:        g.log,
	})
}

// newSessionID returns an id that names this gateway, so that others know where the session is.
func (g *Gateway) newSessionID() string {
	if g.peers == nil {
		return g.cluster.NewSessionID()
	}
	return g.peers.identity.SealSessionID(g.cluster.NewSocketID())
}

// sessions serves the requests of clients, wherever their sessions are.
func (g *Gateway) sessions() http.Handler {
	if g.peers == nil {
		return g.io
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, g.Path()) {
			g.io.ServeHTTP(w, r) // there is no such session here
			return
		}
		g.peers.forwarder.ServeHTTP(w, r)
	})
}

// PeerHandler serves what other gateways forward to this one, and what the operator sends; nil if
// there are no peers. It is for a listener with the identity's ServerConfig.
func (g *Gateway) PeerHandler() http.Handler {
	if g.peers == nil {
		return nil
	}
	return forward.PeerHandler(forward.PeerOptions{Local: g.io, Path: g.Path, Release: g.io.Release, Operator: g.operatorHandler()})
}

// drainForwarding begins to send the clients of other gateways' sessions elsewhere that come
// through this one. wait waits until that is done.
func (g *Gateway) drainForwarding(ctx context.Context, over time.Duration) (wait func()) {
	if g.peers == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.peers.forwarder.Drain(ctx, over)
	}()
	return func() { <-done }
}

func (g *Gateway) stopForwarding() {
	if g.peers != nil {
		g.peers.forwarder.Close()
	}
}
