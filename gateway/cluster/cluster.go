// SPDX-License-Identifier: Apache-2.0

// Package cluster connects the gateways of a service over NATS, so that their clients see one server. It has the adapter
// that carries broadcasts to the gateways with a member in the room, and to no others.
//
// Core NATS keeps the order of one publisher, and one goroutine delivers what comes in: the members of a room see the
// events of one sender in the order in which it sent them.
package cluster

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// incomingBuffer is how many messages of other gateways may wait to be queued with local members, which takes
	// microseconds each. Beyond it NATS messages are dropped and counted.
	incomingBuffer = 65536
	// gatewayIDLength is how much of a socket's id names its gateway.
	gatewayIDLength = 8
	// socketIDLength is the length of every socket's id, but for those of 2.x clients.
	socketIDLength = 24
	// SessionMACLength is how much longer a session's id is if gateways forward to each other: a socket's id, and what
	// proves that one of them made it. It is the id of a 2.x client's socket, too.
	SessionMACLength = 16
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
	// CredentialsDir holds what the servers ask for; see credentialOptions. Empty: nothing.
	CredentialsDir string
	// Recovery stores what is emitted, for clients that come back; nil: nothing is stored. It takes JetStream.
	Recovery *Recovery
	// Linger is how long to stay subscribed to a room after its last member has left; DefaultLinger if zero.
	Linger time.Duration
	// Registerer gets the metrics; none if nil.
	Registerer prometheus.Registerer
	// Log gets the state of the connection; slog's default if nil.
	Log *slog.Logger
}

// Cluster is one gateway's link to the others. Safe for concurrent use. Close ends it.
type Cluster struct {
	id       string
	service  string
	linger   time.Duration
	log      *slog.Logger
	nc       *nats.Conn
	incoming chan *nats.Msg
	linked   chan struct{} // NATS is there, or there again
	// settling are those who wait until dispatch has taken what is in incoming.
	settling chan chan struct{}
	stop     chan struct{}
	closing  sync.Once
	done     tasks
	metrics  *metrics
	subjects serviceSubjects
	peers    *peers
	fields   atomic.Pointer[peerFields] // what this gateway says of itself
	requests requests
	events   *eventLog // nil: nothing is stored

	// sending keeps the numbers of messages on several subjects in the order of their publication.
	sending sync.Mutex
	copies  uint64 // guarded by sending

	mu       sync.RWMutex
	adapters map[string]*adapter // by prefix of their subjects; guarded by mu

	// delivered is, for each publisher, the number of its last message on several subjects. Only dispatch uses it.
	delivered map[string]uint64
	asks      asks
}

// Connect starts a link. It returns at once, whether NATS is there or not, and keeps trying; Connected tells.
func Connect(o Options) (*Cluster, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	linked := make(chan struct{}, 1)
	opts, err := connectOptions(o, func() {
		select {
		case linked <- struct{}{}:
		default: // it is going to be looked at
		}
	})
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		id:        randomToken(gatewayIDLength),
		service:   o.Service,
		linger:    o.Linger,
		log:       o.Log,
		incoming:  make(chan *nats.Msg, incomingBuffer),
		linked:    linked,
		settling:  make(chan chan struct{}),
		stop:      make(chan struct{}),
		adapters:  map[string]*adapter{},
		delivered: map[string]uint64{},
		peers:     newPeers(),
		requests:  requests{open: map[uint64]*gather{}},
	}
	c.fields.Store(&peerFields{address: o.PeerAddress, revision: o.Revision})
	c.subjects = newServiceSubjects(c.service, c.id)
	if o.Recovery != nil {
		if c.events, err = newEventLog(c, o); err != nil {
			return nil, err
		}
	}
	opts = append(opts, nats.ErrorHandler(c.watch))
	c.metrics = newMetrics(o.Registerer, c)
	c.nc, err = nats.Connect(strings.Join(o.URLs, ","), opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", strings.Join(o.URLs, ","), err)
	}
	if err := c.subscribePeers(); err != nil {
		c.nc.Close()
		c.metrics.unregister()
		return nil, err
	}
	c.done.Go(func() {
		c.dispatch()
		if c.events != nil {
			c.events.abandon()
		}
	})
	if c.events != nil {
		c.done.Go(c.events.run)
	}
	c.say(peerHello)
	return c, nil
}

// watch tells the log of what the connection has dropped.
func (c *Cluster) watch(_ *nats.Conn, _ *nats.Subscription, err error) {
	logAsync(c.log, err)
	if c.events != nil && errors.Is(err, nats.ErrSlowConsumer) {
		c.events.doubt()
	}
}

// ID is this gateway's id, by which the others know it. It is another one after a restart.
func (c *Cluster) ID() string { return c.id }

// Connected tells whether NATS is connected now.
func (c *Cluster) Connected() bool { return c.nc.IsConnected() }

// Status is NATS's word for the state of the connection, in lower case: connected, reconnecting and so on.
func (c *Cluster) Status() string { return strings.ToLower(c.nc.Status().String()) }

// NewSocketID returns an id that names this gateway, so that an event for one socket finds its way without a
// subscription for each.
func (c *Cluster) NewSocketID() string { return c.id + randomToken(socketIDLength-gatewayIDLength) }

// NewAdapter returns the adapter of a Socket.IO namespace.
func (c *Cluster) NewAdapter(ns *socketio.Namespace) socketio.Adapter {
	a := newAdapter(c, ns)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.adapters[a.subjects.prefix] = a
	if c.events != nil {
		return keeper{a}
	}
	return a
}

func (c *Cluster) forget(a *adapter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.adapters[a.subjects.prefix] == a {
		delete(c.adapters, a.subjects.prefix)
	}
}

// Close ends the connection when what has been published is out. Adapters must be closed before. Closing again is harmless.
func (c *Cluster) Close() { c.closing.Do(c.close) }

func (c *Cluster) close() {
	c.say(peerBye)
	if c.events != nil {
		c.events.close()
	}
	if c.nc.IsConnected() {
		// What cannot be written in time is lost with the gateway either way.
		_ = c.nc.FlushTimeout(flushTimeout)
	}
	c.nc.Close()
	close(c.stop)
	c.done.Wait()
	c.asks.endAll(func(askKey) bool { return true })
	c.metrics.unregister()
}

// randomToken returns n random characters of base64url; n is a multiple of 4.
func randomToken(n int) string {
	b := make([]byte, n/4*3)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}
