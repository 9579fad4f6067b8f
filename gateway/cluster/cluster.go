// SPDX-License-Identifier: Apache-2.0

// Package cluster connects the gateways of a service over NATS, so that their clients see one server. It has the adapter
// that carries broadcasts to the gateways with a member in the room, and to no others.
//
// Core NATS keeps the order of one publisher, and one goroutine delivers what comes in: the members of a room see the
// events of one sender in the order in which it sent them.
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
	"github.com/realtime-operator/realtime-operator/gateway/membership"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// flushTimeout bounds the wait for NATS to confirm a subscription.
	flushTimeout = time.Second
	// DefaultLinger is how long a gateway stays subscribed to a room after its last member has left.
	DefaultLinger = 5 * time.Second
)

// Options configure a gateway's link to the others.
type Options struct {
	// Service names the service, namespace/name. Only its gateways hear each other.
	Service string
	// Gateway names this gateway in logs and in NATS's own monitoring.
	Gateway string
	// PeerAddress is the host and port on which the other gateways reach this one; empty if they do not.
	PeerAddress string
	// Revision is of what this gateway is made, such as the pod template. Gateways of another one replace it, or it them.
	Revision string
	// URLs of the NATS servers.
	URLs []string
	// CredentialsDir holds what the servers ask for: user.creds, or token, or username and password; and ca.crt, tls.crt and
	// tls.key. Empty: nothing.
	CredentialsDir string
	// Recovery stores what is emitted, for clients that come back; nil: nothing is stored. It takes JetStream.
	Recovery *Recovery
	// Linger is how long to stay subscribed to a room after its last member has left; DefaultLinger if zero.
	Linger time.Duration
	// Registerer gets the metrics; none if nil.
	Registerer prometheus.Registerer
	// Log gets the state of the connection; slog's default if nil.
	Log *slog.Logger
	// OnPanic is told the place of each panic that was stopped: PlaceMessage, or one of those of
	// engineio.PanicPlaces.
	OnPanic func(place string)

	// timing and now are defaultTiming and the time unless a test sets them.
	timing timing
	now    func() time.Time
	// inboxBytes bounds what waits to be delivered; zero but in tests.
	inboxBytes int
}

var defaultTiming = timing{
	Timing: membership.DefaultTiming, ping: natsconn.DefaultPingInterval, reconnect: natsconn.DefaultReconnectWait,
}

// Cluster is one gateway's link to the others. Safe for concurrent use. Close ends it.
type Cluster struct {
	id      string
	service string
	linger  time.Duration
	log     *slog.Logger
	panics  *panics.Watch
	link    *natsconn.Conn
	nc      *nats.Conn // the link's
	timing  timing
	// incoming has what other gateways and the log say, for dispatch; news has what they say of themselves and of the members of
	// their rooms, for peers, which must not wait for the log.
	incoming, news *natsconn.Inbox
	// out has what is for other gateways.
	out *natsconn.Outgoing
	// restored tells dispatch that NATS is there, or there again.
	restored chan struct{}
	echoes   echoes
	// life ends with Close, which calls end; stop is its channel. What nobody waits for takes its deadlines from it.
	life     context.Context
	end      context.CancelFunc
	stop     <-chan struct{}
	closing  sync.Once
	done     tasks
	metrics  *metrics
	subjects wire.ServiceSubjects
	peers    *membership.Peers
	requests requests
	// pages has an entry for each page of members that others are asked for.
	pages chan struct{}
	// events and sessions are nil without recovery: nothing is stored.
	events   *eventlog.Log
	sessions *recovery.Sessions
	// logged and recoveries are their metrics.
	logged     *eventlog.Metrics
	recoveries *recovery.Metrics

	// sending keeps the numbers of messages on several subjects in the order of their publication.
	sending sync.Mutex
	copies  uint64 // guarded by sending

	// server is that of the namespaces; nil as long as there are none.
	server atomic.Pointer[socketio.Server]

	mu       sync.RWMutex
	adapters map[string]*adapter // by prefix of their subjects; guarded by mu

	// delivered is, for each publisher, the number of its last message on several subjects, until it is lost. Only dispatch uses it.
	delivered map[string]uint64
	asks      asks
}

// Connect starts a link. It returns at once, whether NATS is there or not, and keeps trying; Connected tells.
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
	c.news = natsconn.NewInbox(natsconn.InboxOptions{Overflow: c.overflow})
	c.link = natsconn.New(natsconn.Options{
		Name: "realtime gateway " + o.Gateway, URLs: o.URLs, CredentialsDir: o.CredentialsDir,
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

// start runs what runs until Close.
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

// onError tells the log of what the connection has dropped.
func (c *Cluster) onError(err error) {
	if c.events != nil && errors.Is(err, nats.ErrSlowConsumer) {
		c.events.Invalidate()
	}
}

// overflow is told of a message that there was no room for. The log has it, if it had been stored.
func (c *Cluster) overflow(*nats.Msg) {
	if c.events != nil {
		c.events.Invalidate()
	}
}

// ID is this gateway's id, by which the others know it. It is another one after a restart.
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

// namespaces are the adapters of all namespaces.
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

// Close ends the connection when what has been published is out. Adapters must be closed before.
// Closing again is harmless.
func (c *Cluster) Close() { c.closing.Do(c.close) }

func (c *Cluster) close() {
	c.link.Leave()
	c.echoes.end()
	c.out.Drain()
	c.peers.Farewell()
	if c.events != nil {
		c.events.Close()
	}
	c.out.Close() // publishers have got their answers
	if c.nc.IsConnected() {
		// What cannot be written in time is lost with the gateway either way.
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

// NewSocketID returns an id that names this gateway, so that an event for one socket finds its way
// without a subscription for each.
func (c *Cluster) NewSocketID() string {
	return c.id + wire.RandomToken(wire.SocketIDLength-wire.GatewayIDLength)
}

// NewSessionID returns the id of a session whose requests no other gateway forwards. It names this
// gateway, as the ids that forward.Identity seals do, and is a bearer secret.
func (c *Cluster) NewSessionID() string { return c.NewSocketID() + wire.RandomToken(SessionMACLength) }
