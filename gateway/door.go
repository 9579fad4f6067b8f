// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/httpserve"
)

// door is the listener of a gateway in a pod for its peers. It is nil for a gateway without peers.
type door struct {
	listener net.Listener
	identity *forward.Identity
	dir      string
	log      *slog.Logger
}

// openDoor listens for peers, and adds what the gateway needs for them to the options. It returns
// nil without a PeerDir.
func openDoor(o *RunOptions) (*door, error) {
	if o.PeerDir == "" {
		return nil, nil
	}
	if net.ParseIP(o.PeerAddress) == nil {
		return nil, fmt.Errorf("--peer-address %q is not an IP address: other gateways would not find this one", o.PeerAddress)
	}
	identity, err := forward.LoadIdentity(o.PeerDir)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", o.PeerListen)
	if err != nil {
		return nil, fmt.Errorf("listen for other gateways: %w", err)
	}
	d := &door{listener: l, identity: identity, dir: o.PeerDir, log: o.Log}
	o.Peers = &PeerOptions{Address: d.address(o.PeerAddress), Identity: identity}
	return d, nil
}

// address returns the address of the door on a host.
func (d *door) address(host string) string {
	tcp, ok := d.listener.Addr().(*net.TCPAddr)
	if !ok {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// Close closes a door that is not being served; closing again has no effect.
func (d *door) Close() error {
	if d == nil {
		return nil
	}
	if err := d.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop listening for other gateways: %w", err)
	}
	return nil
}

func (d *door) serve(ctx context.Context, g *Gateway) error {
	if d == nil {
		return nil
	}
	watching, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { d.identity.Watch(watching, d.dir, d.log) })
	defer done.Wait()
	defer stop()
	g.log.Info("gateway is listening for its peers", "address", d.listener.Addr().String())
	return ServePeers(ctx, d.listener, g, d.identity)
}

// ServePeers serves what other gateways forward to a gateway, until the context ends.
func ServePeers(ctx context.Context, l net.Listener, g *Gateway, identity *forward.Identity) error {
	return httpserve.Serve(ctx, tls.NewListener(l, identity.ServerConfig()), g.PeerHandler(), httpserve.PeerHeaderLimit)
}
