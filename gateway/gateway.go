// SPDX-License-Identifier: Apache-2.0

// Package gateway is a gateway's process: it serves a RealtimeService to Socket.IO clients,
// together with the service's other gateways. It holds no Kubernetes credentials; its configuration
// comes from a file, and newer ones arrive sooner from the operator.
package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/clientbundle"
	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/clientaddr"
	"github.com/realtime-operator/realtime-operator/gateway/internal/memory"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
	"github.com/realtime-operator/realtime-operator/gateway/rebalance"
	"github.com/realtime-operator/realtime-operator/gateway/revocation"
	"github.com/realtime-operator/realtime-operator/gateway/service"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// Options are what a gateway needs besides its configuration.
type Options struct {
	// Name is the name of this gateway in logs and in the monitoring of NATS; the pod's name.
	Name string
	// Revision identifies what this gateway is made of: the hash of the pod template. While
	// gateways of another revision replace those of this one, they keep their clients until all of
	// them leave. Empty: none waits for another.
	Revision string
	// NATSURLs are the addresses of the NATS servers that connect the gateways.
	NATSURLs []string
	// NATSCredentialsDir has the credentials for them: user.creds, or token, or username and
	// password; ca.crt, tls.crt, tls.key.
	NATSCredentialsDir string
	// NATSDialer connects to them in place of TCP; nil: TCP. Package scenario has NATS in its own
	// process.
	NATSDialer nats.CustomDialer
	// Peers lets gateways take requests for each other's sessions; nil: a request that reaches
	// another gateway than its session's is refused.
	Peers *PeerOptions
	// WebTransport reports whether ServeWebTransport will be called: without it the gateway does
	// not offer the transport, even if its configuration does.
	WebTransport bool
	// ClientDir has the client bundles of npm's socket.io-client (its dist folder). Without it
	// clients are redirected to the public CDN.
	ClientDir string
	// AuthenticationDir has a folder for each Secret that spec.authentication names, with a file
	// for each of its keys, and in the folder _configmaps one for each ConfigMap. They are read
	// again whenever they change. Empty: there are no Secrets.
	AuthenticationDir string
	// Authenticator returns what verifies the clients of an entry of spec.authentication; nil: what
	// the manifest says. Package scenario has keys of its own.
	Authenticator func(*v1alpha1.Authentication) (identity.Authenticator, error)
	// Compiled is called with each program before it is in force, for example to observe it; it may
	// be nil.
	Compiled func(*v1alpha1.RealtimeService, *service.Program)
	// LocalServices is true if the Services that spec.authentication names are ports of this
	// machine.
	LocalServices bool
	// Getenv returns variables of OpenTelemetry; os.Getenv if nil. With TracingFromEnv they say
	// where spans are sent if the manifest does not.
	Getenv         func(string) string
	TracingFromEnv bool
	// Log receives messages for people; slog's default if nil.
	Log *slog.Logger

	// issuerCA is that of the servers of JWK sets, as PEM; empty: those of the system. Tests have
	// one of their own.
	issuerCA string
}

// Gateway serves one RealtimeService. Handler is for clients, API for programs that publish, Ops
// for Kubernetes and Prometheus. Safe for concurrent use. Close ends it.
type Gateway struct {
	// service is the name of the service.
	service  string
	log      *slog.Logger
	metrics  *prometheus.Registry
	cluster  *cluster.Cluster
	io       *socketio.Server
	runtime  *service.Runtime
	client   *clientbundle.Handler
	peers    *peers // nil if gateways do not forward to each other
	path     atomic.Pointer[string]
	clients  clientaddr.Resolver
	parser   socketio.Parser
	draining atomic.Bool
	// webTransport reports whether there is a socket for it, which a configuration cannot add.
	webTransport bool
	// drainRate is how many clients are sent away per second; 0: as fast as the time requires.
	drainRate atomic.Int32
	refused   *prometheus.CounterVec
	// refusedQUIC counts refused connections of WebTransport, which come before handshakes.
	refusedQUIC *prometheus.CounterVec
	panicked    *prometheus.CounterVec
	written     prometheus.Histogram
	panics      *panics.Watch
	api         *publish.Server
	revocations *revocation.Store
	mover       *rebalance.Mover
	tracer      *tracing.Tracer
	// tracedFromEnv is what the environment says of tracing, for a manifest that says nothing.
	tracedFromEnv *tracing.Config
	profiling     profiling
	// asking is what configurations authenticate clients with.
	asking asking
	// authenticator and compiled are those of Options.
	authenticator func(*v1alpha1.Authentication) (identity.Authenticator, error)
	compiled      func(*v1alpha1.RealtimeService, *service.Program)

	closing  sync.Once
	closeErr error // set within closing

	// applying is held while a configuration is put in force.
	applying sync.Mutex
	config   configuration
	// authentication is that of the configuration in force; guarded by applying. It is nil once the
	// gateway is closed.
	authentication *authentication
}

// New starts a gateway with its first configuration.
func New(svc *v1alpha1.RealtimeService, revision string, o Options) (*Gateway, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	g := &Gateway{
		service: serviceName(svc), parser: parserOf(svc), log: o.Log, metrics: newRegistry(), client: clientBundles(o.ClientDir), webTransport: o.WebTransport,
		authenticator: o.Authenticator, compiled: o.Compiled,
	}
	g.asking = asking{
		dir: o.AuthenticationDir, localServices: o.LocalServices, log: o.Log,
		authorities: newAuthorities(g.metrics, o.issuerCA), programs: newPrograms(g.metrics),
		request: func(ctx context.Context, subject string, data []byte) (*nats.Msg, error) { // from when g.cluster is there
			return g.cluster.Request(ctx, subject, data)
		},
	}
	program, authentication, err := g.compile(svc)
	if err != nil {
		return nil, err
	}
	g.enforce(authentication)
	if err := g.start(svc, revision, program, o); err != nil {
		authentication.close()
		g.tracer.Close()
		g.profiling.close()
		return nil, err
	}
	return g, nil
}

// start joins the other gateways and begins to serve.
func (g *Gateway) start(svc *v1alpha1.RealtimeService, revision string, program *service.Program, o Options) (err error) {
	g.refusedQUIC = registerRefusedQUIC(g.metrics, o.WebTransport)
	g.refused, g.panicked, g.written = registerRefusals(g.metrics), registerPanics(g.metrics), registerWrites(g.metrics)
	g.watchProxies()
	trust, err := trustOf(&svc.Spec.Protocol)
	if err != nil {
		return err
	}
	g.clients.Set(trust)
	if err := g.startTracing(svc, o); err != nil {
		return err
	}
	g.panics = panics.NewWatch(o.Log, g.countPanic)
	g.cluster, err = cluster.Connect(cluster.Options{
		Service:        g.service,
		Gateway:        o.Name,
		URLs:           o.NATSURLs,
		CredentialsDir: o.NATSCredentialsDir,
		Dialer:         o.NATSDialer,
		Recovery:       logRecovery(svc),
		PeerAddress:    o.Peers.address(),
		Revision:       o.Revision,
		Registerer:     g.metrics,
		Log:            o.Log,
		OnPanic:        g.countPanic,
		Tracer:         g.tracer,
	})
	if err != nil {
		return fmt.Errorf("join the other gateways: %w", err)
	}
	if o.Peers != nil {
		g.peers = &peers{identity: o.Peers.Identity}
	}
	g.io, err = socketio.NewServer(g.serverOptions(svc))
	if err != nil {
		g.cluster.Close()
		return fmt.Errorf("start the Socket.IO server: %w", err)
	}
	g.revocations = revocation.New(revocation.Options{
		Service: g.service, NATS: g.cluster.NATS(), Config: revocationConfig(svc), Log: o.Log,
	})
	registerRevocations(g.metrics, g.revocations)
	registerConnections(g.metrics, g.io)
	registerLosses(g.metrics, g.io)
	g.io.QueueVolatile(queuesVolatile(&svc.Spec.Protocol))
	g.runtime = service.NewRuntime(g.io, service.Options{
		Registerer: g.metrics, Log: o.Log, OnPanic: g.countPanic, PresenceBytes: memory.Part(), Revoked: g.revocations.Judge,
		Tracer: g.tracer,
	})
	g.runtime.Apply(program)
	g.mover = rebalance.New(rebalance.Options{
		EachNamespace: g.runtime.EachNamespace, Allowed: g.mayMove, Registerer: g.metrics, Log: o.Log,
	})
	g.cluster.ShareUsage(g.runtime.Users())
	g.revocations.Start(g.runtime.EndRevoked)
	g.path.Store(&svc.Spec.Protocol.Path)
	g.startForwarding(&svc.Spec.Protocol)
	g.drainRate.Store(svc.Spec.Gateway.DrainRate())
	g.config.accept(gatewayconfig.Sequence(svc.Annotations), revision)
	return g.startPublishing()
}

// startPublishing lets programs publish.
func (g *Gateway) startPublishing() error {
	g.api = publish.New(publish.Options{
		Runtime: g.runtime, Cluster: g.cluster, Leaving: g.draining.Load, Registerer: g.metrics, Revocations: g.revocations,
		Tracer: g.tracer,
	})
	if err := g.api.ServeNATS(g.service); err != nil {
		return errors.Join(err, g.Close())
	}
	return nil
}

// serverOptions returns the options of the Socket.IO server.
func (g *Gateway) serverOptions(svc *v1alpha1.RealtimeService) socketio.Options {
	return socketio.Options{
		Engine:         g.engineConfig(&svc.Spec),
		ConnectTimeout: svc.Spec.ConnectTimeout(),
		Parser:         g.parser,
		NewAdapter:     g.cluster.NewAdapter,
		NewSocketID:    g.cluster.NewSocketID,
		Recovery:       socketRecovery(svc),
		// Clients choose their names.
		CleanupEmptyChildNamespaces: true,
		Log:                         g.log,
	}
}

// apply puts a configuration in force; applying is held.
func (g *Gateway) apply(svc *v1alpha1.RealtimeService) error {
	if g.authentication == nil {
		return errors.New("the gateway is closed")
	}
	program, authentication, err := g.compile(svc)
	if err != nil {
		return err
	}
	if err := g.reconfigure(svc, program); err != nil {
		authentication.close()
		return err
	}
	g.enforce(authentication)
	return nil
}

// enforce replaces the authentication; applying is held.
func (g *Gateway) enforce(next *authentication) {
	g.authentication.close() // what both need, the new one holds by now
	g.authentication = next
	g.asking.programs.use(next.asked)
}

func (g *Gateway) reconfigure(svc *v1alpha1.RealtimeService, program *service.Program) error {
	p := &svc.Spec.Protocol
	if err := g.checkTracing(&svc.Spec.Gateway); err != nil {
		return err
	}
	if parser := parserOf(svc); parser != g.parser {
		return fmt.Errorf("the parser is %s and cannot become %s while clients are there: start anew", g.parser, parser)
	}
	trust, err := trustOf(p)
	if err != nil {
		return err
	}
	if err := g.io.Reconfigure(g.engineConfig(&svc.Spec), svc.Spec.ConnectTimeout()); err != nil {
		return err
	}
	g.clients.Set(trust)
	g.io.QueueVolatile(queuesVolatile(p))
	g.path.Store(&p.Path)
	g.peers.allow(p)
	g.drainRate.Store(svc.Spec.Gateway.DrainRate())
	g.revocations.Configure(revocationConfig(svc))
	g.runtime.Apply(program)
	g.observe(&svc.Spec.Gateway)
	return nil
}

// parserOf returns the parser of a service; JSON without the defaults of the schema.
func parserOf(svc *v1alpha1.RealtimeService) socketio.Parser {
	return socketio.Parser(cmp.Or(svc.Spec.Protocol.Parser, string(socketio.ParserJSON)))
}

// Handler serves clients: the protocol's path, and the client bundles beneath it. Behind proxies,
// its listener is one of ClientListener.
func (g *Gateway) Handler() http.Handler {
	sessions := g.sessions()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer g.panics.CatchRequest("request") // the engine has reported its own
		if clientbundle.Named(g.Path(), r.URL.Path) {
			g.client.ServeHTTP(w, r)
			return
		}
		g.serveClient(sessions, w, r)
	})
}

// clientBundles returns the bundles of a folder, which may be empty.
func clientBundles(dir string) *clientbundle.Handler {
	var o clientbundle.Options
	if dir != "" {
		o.Files = os.DirFS(dir)
	}
	return clientbundle.New(o)
}

// Runtime returns what runs the service, for programs that look into it.
func (g *Gateway) Runtime() *service.Runtime { return g.runtime }

// Path returns the path that clients connect to, such as /socket.io/.
func (g *Gateway) Path() string { return *g.path.Load() }

// Drain takes the gateway out of service: it is not ready, refuses new connections, and closes open
// ones at an even pace, so that their clients reconnect to other gateways one by one. The same
// holds for requests that it forwards.
func (g *Gateway) Drain(ctx context.Context, pace engineio.Pace) error {
	g.draining.Store(true)
	answered := g.api.StopNATS()
	defer g.drainForwarding(ctx, pace.Over(g.io.Connections()))()
	if err := g.io.Drain(ctx, pace); err != nil {
		return fmt.Errorf("drain connections: %w", err)
	}
	select {
	case <-answered:
	case <-ctx.Done():
	}
	return nil
}

// Close ends all connections. What was published before is still sent. Closing again has no effect.
func (g *Gateway) Close() error {
	g.closing.Do(func() {
		g.stopForwarding()
		g.mover.Close()
		if err := g.io.Close(); err != nil {
			g.closeErr = fmt.Errorf("close the Socket.IO server: %w", err)
		}
		g.applying.Lock()
		g.authentication.close()
		g.authentication = nil
		g.asking.programs.use(nil)
		g.applying.Unlock()
		g.revocations.Close()
		g.cluster.Close()
		g.tracer.Close()
		g.profiling.close()
	})
	return g.closeErr
}
