// SPDX-License-Identifier: Apache-2.0

// Package cluster connects the gateways of a service over NATS, so that their clients see one
// server. It has the adapter that carries broadcasts to the gateways with a member in the room, and
// to no others.
//
// Core NATS keeps the order of one publisher, and one goroutine delivers incoming messages: the
// members of a room see the events of one sender in the order in which it sent them.
package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/membership"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

const (
	// flushTimeout bounds the wait for NATS to confirm a subscription.
	flushTimeout = time.Second
	// DefaultLinger is how long a gateway stays subscribed to a room after its last member has
	// left.
	DefaultLinger = 5 * time.Second
)

// Options configure a gateway's connection to the others.
type Options struct {
	// Service is the service's name, namespace/name. Only gateways of the same service reach each
	// other.
	Service string
	// Gateway is the name of this gateway in logs and in the monitoring of NATS.
	Gateway string
	// PeerAddress is the host and port on which other gateways reach this one; empty if they do
	// not.
	PeerAddress string
	// Revision identifies what this gateway is made of, such as the pod template. Gateways of
	// different revisions replace each other.
	Revision string
	// URLs are the addresses of the NATS servers.
	URLs []string
	// CredentialsDir has the credentials for NATS: user.creds, or token, or username and password;
	// and ca.crt, tls.crt and tls.key. Empty: none.
	CredentialsDir string
	// Dialer connects to NATS in place of TCP; nil: TCP.
	Dialer nats.CustomDialer
	// Recovery stores events for clients that come back, which requires JetStream; nil stores
	// nothing.
	Recovery *Recovery
	// Linger is how long the gateway stays subscribed to a room after its last member has left;
	// DefaultLinger if zero.
	Linger time.Duration
	// Registerer registers the metrics; nil: none.
	Registerer prometheus.Registerer
	// Log receives the state of the connection; slog's default if nil.
	Log *slog.Logger
	// Tracer makes spans of events that are published and delivered; nil: there are none.
	Tracer *tracing.Tracer
	// OnPanic is called with the place of each recovered panic: PlaceMessage, or one of
	// engineio.PanicPlaces.
	OnPanic func(place string)

	// timing and now are defaultTiming and time.Now unless a test sets them.
	timing timing
	now    func() time.Time
	// inboxBytes bounds the messages that wait to be delivered; zero except in tests.
	inboxBytes int
}

var defaultTiming = timing{
	Timing: membership.DefaultTiming, ping: natsconn.DefaultPingInterval, reconnect: natsconn.DefaultReconnectWait,
}

// Cluster is one gateway's connection to the others. Safe for concurrent use. Close ends it.
type Cluster struct {
	id      string
	service string
	linger  time.Duration
	log     *slog.Logger
	panics  *panics.Watch
	tracer  *tracing.Tracer
	link    *natsconn.Conn
	nc      *nats.Conn // of link
	timing  timing
	// incoming has messages of other gateways and of the log, for dispatch. news has what gateways
	// announce of themselves and of the members of their rooms, for peers, and must not wait for
	// the log.
	incoming, news *natsconn.Inbox
	// rounds are of dispatch, and nobody else uses them.
	rounds *rounds
	// out has messages for other gateways.
	out *natsconn.Outgoing
	// restored wakes dispatch when NATS is connected, or connected again.
	restored chan struct{}
	echoes   echoes
	// life ends with Close, which calls end; stop is its channel. Work that nobody waits for takes
	// its deadlines from it.
	life     context.Context
	end      context.CancelFunc
	stop     <-chan struct{}
	closing  sync.Once
	done     tasks
	metrics  *metrics
	subjects wire.ServiceSubjects
	peers    *membership.Peers
	requests requests
	// pages has an entry for each page of members that this gateway asks the others for.
	pages chan struct{}
	// events and sessions are nil without recovery.
	events   *eventlog.Log
	sessions *recovery.Sessions
	// away is how long clients may be away.
	away time.Duration
	// logged and recoveries are their metrics.
	logged     *eventlog.Metrics
	recoveries *recovery.Metrics

	// sending keeps the numbers of messages on several subjects in the order of their publication.
	sending sync.Mutex
	copies  uint64 // guarded by sending

	// server is the server of the namespaces; nil as long as there are none.
	server atomic.Pointer[socketio.Server]
	// users are those of ShareUsage; nil before.
	users atomic.Pointer[limits.Users]
	// watcher is the function of Watch; nil if nobody wants to know.
	watcher atomic.Pointer[func(namespace string, d *socketio.Delivery)]

	mu       sync.RWMutex
	adapters map[string]*adapter // by prefix of their subjects; guarded by mu

	// delivered has, for each publisher that is not lost, the number of its last message on several
	// subjects. Only dispatch uses it.
	delivered map[string]uint64
	asks      asks
}

// Connect returns a Cluster at once, whether NATS is reachable or not, and keeps trying to connect;
// see Connected.
//
//nolint:contextcheck // what a link does until Close takes its deadlines from its own life
func Connect(o Options) (*Cluster, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	if o.timing == (timing{}) {
		o.timing = defaultTiming
	}
	c := newCluster(o)
	if o.Recovery != nil {
		c.keepSessions(o)
	}
	c.metrics = newMetrics(o.Registerer, c)
	if err := c.link.Connect(); err != nil {
		c.end()
		c.metrics.unregister()
		return nil, err
	}
	c.nc = c.link.NATS()
	if err := c.subscribePeers(); err != nil {
		c.link.Close()
		c.end()
		c.metrics.unregister()
		return nil, err
	}
	c.start()
	c.peers.Greet()
	return c, nil
}

func newCluster(o Options) *Cluster {
	c := &Cluster{
		id:        wire.RandomToken(wire.GatewayIDLength),
		service:   o.Service,
		linger:    o.Linger,
		log:       o.Log,
		panics:    panics.NewWatch(o.Log, o.OnPanic),
		tracer:    o.Tracer,
		timing:    o.timing,
		restored:  make(chan struct{}, 1),
		adapters:  map[string]*adapter{},
		delivered: map[string]uint64{},
		pages:     make(chan struct{}, pagesAtOnce),
		requests:  requests{open: map[uint64]*collector{}},
		logged:    eventlog.NewMetrics(), recoveries: recovery.NewMetrics(),
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.stop = c.life.Done()
	c.incoming = natsconn.NewInbox(natsconn.InboxOptions{Overflow: c.overflow, MaxBytes: o.inboxBytes})
	c.rounds = newRounds(c.incoming, c.takeIn, nil)
	c.news = natsconn.NewInbox(natsconn.InboxOptions{Overflow: c.overflow})
	c.link = natsconn.New(natsconn.Options{
		Name: "realtime gateway " + o.Gateway, URLs: o.URLs, CredentialsDir: o.CredentialsDir, Dialer: o.Dialer,
		Answers: eventlog.AnswersQueue, OnError: c.onError, Log: o.Log,
		PingInterval: o.timing.ping, ReconnectWait: o.timing.reconnect,
	})
	c.out = c.link.NewOutgoing(natsconn.OutgoingOptions{
		Published: func() { c.metrics.published.Inc() },
		Dropped: func(reason string) {
			c.metrics.failed.Inc()
			c.metrics.dropped.WithLabelValues(reason).Inc()
		},
		Now: o.now,
	})
	c.echoes.init(c)
	c.subjects = wire.NewServiceSubjects(c.service, c.id)
	c.peers = c.newPeers(o)
	return c
}

// start starts the goroutines that run until Close.
func (c *Cluster) start() {
	c.done.Go(func() { c.incoming.Run(c.stop) })
	c.done.Go(func() { c.out.Run(c.stop) })
	c.done.Go(func() {
		c.dispatch()
		if c.events != nil {
			c.events.Abandon()
		}
	})
	c.done.Go(func() { c.peers.Run(c.stop) })
	if c.events != nil {
		c.done.Go(c.events.Run)
	}
}

// onError logs what the connection has dropped.
func (c *Cluster) onError(err error) {
	if c.events != nil && errors.Is(err, nats.ErrSlowConsumer) {
		c.events.Invalidate()
	}
}

// overflow is called for a message that found no room in an inbox. If it was stored, it can be read
// from the log.
func (c *Cluster) overflow(*nats.Msg) {
	if c.events != nil {
		c.events.Invalidate()
	}
}

// ID returns this gateway's id, by which the others know it. It changes with each restart.
func (c *Cluster) ID() string { return c.id }

// NewAdapter returns the adapter of a Socket.IO namespace.
func (c *Cluster) NewAdapter(ns *socketio.Namespace) socketio.Adapter {
	a := newAdapter(c, ns)
	adapter := socketio.Adapter(a)
	if c.sessions != nil {
		adapter = newRecoverable(c, a)
	}
	c.server.Store(ns.Server())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.adapters[a.subjects.Prefix] = a
	return adapter
}

// namespaces returns the adapters of all namespaces.
func (c *Cluster) namespaces() []*adapter {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := make([]*adapter, 0, len(c.adapters))
	for _, a := range c.adapters {
		all = append(all, a)
	}
	return all
}

func (c *Cluster) forget(a *adapter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.adapters[a.subjects.Prefix] == a {
		delete(c.adapters, a.subjects.Prefix)
	}
}

// Close ends the connection after all published messages are sent. Adapters must be closed before.
// Closing again has no effect.
func (c *Cluster) Close() { c.closing.Do(c.close) }

func (c *Cluster) close() {
	c.link.Leave()
	c.closeUsage()
	c.echoes.end()
	c.out.Drain()
	c.peers.Farewell()
	if c.events != nil {
		c.events.Close()
	}
	c.out.Close() // publishers have received their answers
	if c.nc.IsConnected() {
		// What cannot be written in time is lost in any case, since the gateway ends.
		_ = c.nc.FlushTimeout(flushTimeout)
	}
	c.link.Close()
	c.end()
	c.done.Wait()
	c.asks.endAll(func(askKey) bool { return true })
	c.metrics.unregister()
}

// SessionMACLength is how much longer a session's id is than a socket's; see wire.SessionMACLength.
const SessionMACLength = wire.SessionMACLength

// NewSocketID returns an id that names this gateway, so that an event for one socket reaches it
// without a subscription of its own.
func (c *Cluster) NewSocketID() string {
	return c.id + wire.RandomToken(wire.SocketIDLength-wire.GatewayIDLength)
}

// NewSessionID returns the id of a session whose requests other gateways do not forward. It names
// this gateway, like the ids that forward.Identity seals, and is a bearer secret.
func (c *Cluster) NewSessionID() string { return c.NewSocketID() + wire.RandomToken(SessionMACLength) }
