// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/history"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// IsTooLarge reports whether an error means that a message is too large for NATS or for the log.
func IsTooLarge(err error) bool { return eventlog.IsTooLarge(err) }

// Recovery is how long, and how much, the log stores for clients that are away.
type Recovery struct {
	// MaxDisconnection is how long after the loss of its connection a client may come back.
	MaxDisconnection time.Duration
	// MaxMessages is how many events such a client may have missed. A client that has missed more
	// starts a new session.
	MaxMessages int
	// Detection is how long the loss of a connection may go unnoticed: the heartbeat's interval and
	// timeout.
	Detection time.Duration
	// HistoryAge is the longest that a room's history reaches back; 0 if none has one.
	HistoryAge time.Duration
	// HistoryBytes bounds the memory of this gateway for the histories of all rooms; 64 MiB if
	// zero. Histories beyond it are read from the log when they are requested.
	HistoryBytes int
	// Replicas is the number of NATS servers that store the log; 1 if zero.
	Replicas int
	// MaxBytes bounds the stream; with 0, NATS decides. Beyond it new messages are refused until
	// older ones have expired.
	MaxBytes int64
	// MaxPerSubject is how many events of a room are stored; 100,000 if zero.
	MaxPerSubject int64
}

// keepSessions begins to store events, and the sessions of clients.
func (c *Cluster) keepSessions(o Options) {
	host := logHost{c}
	sessions := recovery.Config{
		Service: c.service, Gateway: c.id, MaxDisconnection: o.Recovery.MaxDisconnection, MaxMessages: o.Recovery.MaxMessages,
		Detection: o.Recovery.Detection, HistoryBytes: o.Recovery.HistoryBytes, Log: o.Log, Metrics: c.recoveries,
	}
	c.events = eventlog.New(c.life, host, eventlog.Config{
		Service: c.service, Gateway: c.id, URLs: o.URLs, Publisher: c.link.PublisherOptions("log", eventlog.PrepareTimeout),
		Retention: sessions.Retention(), Longest: o.Recovery.HistoryAge, Replicas: o.Recovery.Replicas,
		MaxBytes: o.Recovery.MaxBytes, MaxPerSubject: o.Recovery.MaxPerSubject, Log: o.Log, Panics: c.panics, Metrics: c.logged,
	})
	c.away = o.Recovery.MaxDisconnection
	c.sessions = recovery.New(c.life, host, c.events, sessions)
}

// Log returns the log of events; nil without recovery.
func (c *Cluster) Log() *eventlog.Log { return c.events }

// Sessions returns the sessions of clients that can be recovered; nil without recovery.
func (c *Cluster) Sessions() *recovery.Sessions { return c.sessions }

// LogReady reports whether events can be stored now. Without recovery it returns true.
func (c *Cluster) LogReady() bool { return c.events == nil || c.events.IsReady() }

// LogProblem returns why events cannot be stored; nil if they can, or if it is not known.
func (c *Cluster) LogProblem() error {
	if c.events == nil {
		return nil
	}
	return c.events.Problem()
}

// Stores reports whether events are stored before they are delivered.
func (c *Cluster) Stores() bool { return c.events != nil }

// histories returns the cache of rooms' histories; nil without recovery.
func (c *Cluster) histories() *history.Cache {
	if c.sessions == nil {
		return nil
	}
	return c.sessions.Histories()
}

// recoverable is the adapter of a service with recovery: its events are delivered from the log, and
// its sockets have sessions.
type recoverable struct {
	*adapter
	*recovery.Namespace
}

var (
	_ socketio.SessionKeeper = recoverable{}
	_ socketio.RoomPolicies  = recoverable{}
	_ socketio.RoomHistory   = recoverable{}
)

func newRecoverable(c *Cluster, a *adapter) recoverable {
	a.kept = c.sessions.NewNamespace(base{a})
	a.unused = a.kept.Unused
	return recoverable{a, a.kept}
}

// Join puts a socket into rooms, and returns when that is stored.
func (r recoverable) Join(s *socketio.Socket, rooms ...string) { r.Namespace.Join(s, rooms...) }

// JoinWaits reports whether Join has to wait for NATS or JetStream.
func (r recoverable) JoinWaits(s *socketio.Socket, rooms ...string) bool {
	return r.Namespace.JoinWaits(s, rooms...)
}

// Leave removes a socket from a room.
func (r recoverable) Leave(s *socketio.Socket, room string) { r.Namespace.Leave(s, room) }

// LeaveAll removes a socket from all its rooms, and from its session.
func (r recoverable) LeaveAll(s *socketio.Socket) { r.Namespace.LeaveAll(s) }

// Release ends the session of a socket, or keeps it, and the socket's places, for its client.
func (r recoverable) Release(s *socketio.Socket, recoverable bool) {
	if recoverable {
		r.places.Leaves(s)
	}
	r.Namespace.Release(s, recoverable)
}

// Broadcast stores an event, which the log then delivers everywhere. Local and volatile events are
// not stored.
func (r recoverable) Broadcast(d *socketio.Delivery) error {
	if d.Local || d.Volatile {
		return r.adapter.Broadcast(d)
	}
	r.cluster.emitted(r.namespace, d)
	metrics, receipt := r.cluster.metrics, d.Receipt
	receipt.Expect()
	emitted := time.Now()
	span := r.cluster.tracePublication(d)
	err := r.cluster.events.Append(r.Namespace, d, func(err error) {
		span.End(err != nil)
		if err != nil && !errors.Is(err, event.ErrNewer) {
			metrics.failed.Inc()
		}
		if err == nil {
			r.cluster.rounds.confirmed(emitted) // outcomes come in the loop, which is dispatch
		}
		receipt.Resolve(err)
	})
	if err == nil {
		metrics.published.Inc()
	}
	return err
}

// base is a namespace's adapter in the form that recovery needs.
type base struct{ *adapter }

var _ recovery.Base = base{}

func (b base) Namespace() *socketio.Namespace { return b.namespace }
func (b base) Subjects() wire.Subjects        { return b.subjects }
func (b base) Rooms() *socketio.Rooms         { return b.rooms }

func (b base) KeepPlaces(s *socketio.Socket) {
	b.places.Returns(s, func() bool { return b.rooms.CountRooms(s) > 0 })
}

func (b base) Begin(subject string, sequence uint64) { b.subscriptions.begin(subject, sequence) }

func (b base) Advance(subject string, sequence uint64) (before uint64) {
	return b.subscriptions.advance(subject, sequence)
}

func (b base) StartOver() { b.subscriptions.startOver() }

// logHost is the gateway in the form that the log and the sessions need.
type logHost struct{ c *Cluster }

var (
	_ eventlog.Host = logHost{}
	_ recovery.Host = logHost{}
)

func (h logHost) NATS() *nats.Conn                 { return h.c.nc }
func (h logHost) Connections() uint64              { return h.c.link.Dials() }
func (h logHost) Send(subject string, data []byte) { h.c.out.Send(subject, data) }
func (h logHost) Peers() []string                  { return h.c.peers.List() }
func (h logHost) PeersTakeDeltas() bool            { return h.c.peers.AllTakeDeltas() }
func (h logHost) Go(f func())                      { h.c.done.Go(f) }
func (h logHost) Call(f func())                    { h.c.call(placeHandler, f) }
func (h logHost) MalformedEvent()                  { h.c.metrics.malformed.Inc() }
func (h logHost) LogLost()                         { h.c.sessions.LogLost() }

func (h logHost) LogRestored() {
	h.c.sessions.LogRestored()
	h.c.recheckPlaces()
}

func (h logHost) Malformed(msg *nats.Msg, err error) { h.c.malformed(msg, err) }

func (h logHost) Request(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	return h.c.Request(ctx, subject, data)
}

func (h logHost) PublishRequest(ctx context.Context, subject, reply string, data []byte) error {
	return h.c.publishRequest(ctx, subject, reply, data)
}

func (h logHost) Queued(take func(*nats.Msg) bool) {
	h.c.incoming.Each(h.c.stop, func(msg *nats.Msg) {
		if !take(msg) {
			h.c.receive(msg)
		}
	})
}

func (h logHost) Namespace(subject string) eventlog.Namespace {
	if a := h.c.adapterOf(subject); a != nil {
		return a.kept
	}
	return nil
}

func (h logHost) Namespaces() []eventlog.Namespace {
	adapters := h.c.namespaces()
	all := make([]eventlog.Namespace, len(adapters))
	for i, a := range adapters {
		all[i] = a.kept
	}
	return all
}

func (h logHost) Decode(data []byte) (*wire.Message, error) {
	m, err := h.c.decode(data)
	if err != nil {
		h.c.metrics.malformed.Inc()
	}
	return m, err
}
