// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/gateway/configfile"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/httpserve"
)

// farewellTimeout is how long the last clients may take to fetch what was sent to them.
const farewellTimeout = 3 * time.Second

// RunOptions are the options of a gateway pod.
type RunOptions struct {
	Options
	// ConfigFile has the RealtimeService, as YAML or JSON; it is read again whenever it changes.
	ConfigFile string
	// Listen and OpsListen are the addresses for clients and for Kubernetes.
	Listen, OpsListen string
	// PeerDir has the identity of the gateways (package gatewaypeers), with which they take
	// requests for each other's sessions; empty: they do not. It is read again when it changes.
	// PeerListen is the address at which this gateway listens for the others, PeerAddress the IP
	// address by which they reach it.
	PeerDir, PeerListen, PeerAddress string
	// WebTransportListen is the UDP address for clients that use WebTransport; empty: none.
	WebTransportListen string
	// WebTransportCertificateDir has tls.crt and tls.key for it; they are read again whenever they
	// change.
	WebTransportCertificateDir string
	// APITokenFile has the tokens of programs that publish, one per line; it is read again whenever
	// it changes. Empty: nothing is served on APIListen.
	APITokenFile, APIListen string
	// AdminSocket is the address of the Unix socket for people, such as gatewayadmin.Socket; empty:
	// none.
	AdminSocket string
	// Drain is the time over which connections are closed when the context ends, unless the service
	// has a rate: then it is as long as the rate requires, and at most DrainLimit.
	Drain, DrainLimit time.Duration

	// settle is settleTime if it is 0; tests use a longer time to see whether it is waited for.
	settle time.Duration
}

// errLostNATS ends a gateway that would otherwise serve only its own clients forever.
var errLostNATS = errors.New("the connection to NATS has ended for good")

// Run serves until the context ends, then drains.
func Run(ctx context.Context, o RunOptions) error {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	data, err := os.ReadFile(o.ConfigFile)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	svc, err := gatewayconfig.Parse(data)
	if err != nil {
		return err
	}
	door, err := openDoor(&o)
	if err != nil {
		return err
	}
	defer door.Close()
	o.WebTransport = o.WebTransportListen != ""
	g, err := New(svc, gatewaystatus.Revision(data), o.Options)
	if err != nil {
		return err
	}
	err = g.serve(ctx, o, data, door)
	return errors.Join(err, g.Close())
}

func (g *Gateway) serve(ctx context.Context, o RunOptions, config []byte, door *door) error {
	clients, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	ops, err := net.Listen("tcp", o.OpsListen)
	if err != nil {
		clients.Close()
		return fmt.Errorf("listen for Kubernetes: %w", err)
	}
	api, err := listenForPrograms(o)
	if err != nil {
		clients.Close()
		ops.Close()
		return err
	}
	udp, err := listenUDP(o)
	if err != nil {
		clients.Close()
		ops.Close()
		if api != nil {
			api.Close()
		}
		return err
	}
	g.log.Info("gateway is listening", "clients", clients.Addr().String(), "ops", ops.Addr().String(), "webtransport", udp.address(), "api", addressOf(api))

	// The servers outlive the context by the duration of the drain.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(serving)
	coming, stopComing := context.WithCancel(serving)
	defer stopComing()
	group.Go(func() error { return Serve(coming, g.ClientListener(clients), g.Handler()) })
	group.Go(func() error { return Serve(serving, ops, g.Ops()) })
	group.Go(func() error { return door.serve(serving, g) })
	group.Go(func() error { g.serveAdmin(serving, o.AdminSocket); return nil })
	udp.serve(serving, group, g)
	group.Go(func() error {
		return configfile.Watch(serving, o.ConfigFile, config, func(data []byte) { g.take(data, "the file") })
	})
	if api != nil {
		tokens := readTokens(o.APITokenFile)
		g.reloadTokens(tokens)
		group.Go(func() error { return Serve(serving, api, g.API()) })
		group.Go(func() error { return configfile.Watch(serving, o.APITokenFile, tokens, g.reloadTokens) })
	}
	group.Go(func() error {
		defer stop()
		var ended error
		select {
		case <-ctx.Done():
		case <-g.cluster.Ended():
			ended = errLostNATS // a new process connects again; clients go to the others meanwhile
		case <-serving.Done(): // a server has failed
			return nil
		}
		g.leave(serving, g.pace(o), cmp.Or(o.settle, settleTime))
		// A request after this would be answered that its session is unknown, though another
		// gateway has it.
		stopComing()
		// Connections end before the listeners that carry them. Run reports errors, since it closes
		// again.
		_ = g.Close()
		return ended
	})
	return group.Wait()
}

// pace returns how fast clients are sent away.
func (g *Gateway) pace(o RunOptions) engineio.Pace {
	if rate := g.drainRate.Load(); rate > 0 {
		return engineio.Pace{Rate: int(rate), Within: max(o.Drain, o.DrainLimit)}
	}
	return engineio.Pace{Within: o.Drain}
}

// leave drains, and waits only for a short time for clients that do not fetch their last packets.
func (g *Gateway) leave(ctx context.Context, pace engineio.Pace, settle time.Duration) {
	g.log.Info("leaving", "connections", g.io.Connections())
	held, cause := g.hold(ctx, pace.Within/2, settle)
	pace.Within -= held
	pace.Cause = cause
	g.log.Info("draining", "connections", g.io.Connections(), "rate", pace.Rate, "within", pace.Within)
	ctx, cancel := context.WithTimeout(ctx, pace.Within+farewellTimeout)
	defer cancel()
	if err := g.Drain(ctx, pace); err != nil {
		g.log.Warn("leaving with clients that have not said goodbye", "error", err)
	}
}

// Serve serves HTTP on a listener until the context ends. It closes the listener.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	return httpserve.Serve(ctx, l, h, httpserve.HeaderLimit)
}
