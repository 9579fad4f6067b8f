// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// closeTimeout bounds the wait for messages that are still to be stored when the gateway ends.
const closeTimeout = time.Second

// Config determines what a log keeps, and how it is reached.
type Config struct {
	// Service is the name of the service, and Gateway the id of this gateway.
	Service, Gateway string
	// URLs are the addresses of the NATS servers, and Publisher the options with which the outbox
	// connects to them; see outbox.Options.
	URLs      []string
	Publisher []nats.Option
	// Retention is how long everything is kept at least, and Longest how long an event may ask to
	// be kept; see Namespace.KeepFor.
	Retention, Longest time.Duration
	// Replicas is the number of NATS servers that store the log; 1 if zero.
	Replicas int
	// MaxBytes bounds the stream; with 0, NATS decides. Beyond it new messages are refused until
	// older ones have expired.
	MaxBytes int64
	// MaxPerSubject is how many messages of a subject are kept; 100,000 if zero. Beyond it
	// JetStream drops the oldest.
	MaxPerSubject int64
	// Log receives the state of the log, and Panics the panics that messages cause.
	Log     *slog.Logger
	Panics  *panics.Watch
	Metrics *Metrics
}

// Log is the service's JetStream stream: what must be ordered and recoverable is stored there
// first, and delivered, on all gateways with a member, in the order in which it was stored and with
// its sequence.
//
// Methods that run in the loop say so; all others are safe for concurrent use. Close, and then
// Abandon in the loop, end it.
type Log struct {
	host     Host
	config   Config
	gateway  string
	service  string
	subjects wire.ServiceSubjects
	// life ends with the gateway; stop is its channel.
	life    context.Context
	stop    <-chan struct{}
	stream  string
	log     *slog.Logger
	panics  *panics.Watch
	metrics *Metrics
	out     *outbox.Outbox
	// control has functions for the loop.
	control chan func()
	// signaled asks Run for preparation; broken means that the outbox has asked for it.
	signaled chan struct{}
	broken   atomic.Bool
	// ready reports whether messages can be stored.
	ready readiness

	// delivering is held while events with a sequence, or with the offset of the last one, are
	// passed to local sockets, so that no client is told an offset before it has received the
	// events up to it.
	delivering sync.Mutex
	// deliveredTo is the sequence up to which all events have been delivered here. Guarded by
	// delivering.
	deliveredTo uint64
	// incarnation distinguishes the stream from a former one of the same name. Guarded by
	// delivering.
	incarnation string
	// restored says of which incarnation the log was restored. Guarded by delivering.
	restored restored
	// liveRoot is the prefix of the subjects on which the log republishes.
	liveRoot string
	// serials has the serial numbers of delivered messages, and tail describes the end of the log.
	// Only the loop uses them.
	serials *serials
	tail    tail
	// restarting is the last change of the log incarnation; nil if there was none, or if it was
	// long ago. Only the loop uses it.
	restarting *restart
	// reached is a sequence up to which all messages for this gateway had been sent to it before
	// its last probe.
	reached atomic.Uint64
	// probed is the result of the last probe. Only probes use it.
	probed probed
	// caughtUp is one more than the epoch for which deliveredTo is valid, 0 at the beginning. Only
	// the loop uses it.
	caughtUp uint64
	// gaps are still to be filled, and replayed is the number of messages of each subject that an
	// unfinished catchUp has delivered. Only the loop uses them.
	gaps     []*gap
	replayed map[string]int
	// invalidations counts the times at which messages may have been missed although the connection
	// has held; misses is the same without those where only the outbox had a problem. caughtMisses
	// and caughtReconnects are the values for which deliveredTo is valid; only the loop uses them.
	invalidations, misses          atomic.Uint64
	caughtMisses, caughtReconnects uint64
	// heardAt is a time until which all stored messages have arrived here. Only Run uses it.
	heardAt time.Time
	// full counts what is refused while too much waits.
	full     refusals
	rejected *rejections
	// limits are the limits of the stream.
	limits limits
}

// StreamName returns the name of the stream of a service.
func StreamName(service string) string { return "RTS_" + wire.Token(service) }

// New returns a log whose stream may not exist yet; Run creates it. The context ends with the
// gateway.
func New(life context.Context, host Host, c Config) *Log {
	subjects := wire.NewServiceSubjects(c.Service, c.Gateway)
	l := &Log{
		host: host, config: c, gateway: c.Gateway, service: c.Service, subjects: subjects, life: life, stop: life.Done(),
		stream:   StreamName(c.Service),
		log:      c.Log,
		panics:   c.Panics,
		metrics:  c.Metrics,
		signaled: make(chan struct{}, 1),
		control:  make(chan func()),
		rejected: newRejections(),
		liveRoot: wire.LiveRoot + wire.Token(c.Service) + ".",
		serials:  newSerials(subjects.Acks, c.Gateway, host.Peers),
	}
	l.out = outbox.New(outbox.Options{
		Acks: subjects.Acks, URLs: c.URLs, NATS: c.Publisher, MaxPayload: func() int64 { return host.NATS().MaxPayload() },
		Trouble: l.onOutboxTrouble, Rejected: l.advanceSoon,
	})
	l.out.SetOneBySubject(c.Replicas > 1)
	return l
}

// Subscriptions returns the subjects that the loop has to subscribe to for the log.
func (l *Log) Subscriptions() []string {
	return []string{l.subjects.Acks + "*", l.subjects.Restarts, l.elections()}
}

// Loop returns functions that the loop has to call, between messages.
func (l *Log) Loop() <-chan func() { return l.control }

// InLoop passes a function to the loop, and returns when the loop has begun to call it; false if
// the gateway ends first.
func (l *Log) InLoop(f func()) bool {
	select {
	case l.control <- f:
		return true
	case <-l.stop:
		return false
	}
}

// Take handles a message of Subscriptions, and returns false for any other. It runs in the loop.
func (l *Log) Take(msg *nats.Msg) bool {
	switch {
	case msg.Subject == l.subjects.Restarts:
		l.receiveRestart(msg)
	case strings.HasPrefix(msg.Subject, l.subjects.Acks):
		l.acked(msg)
	case strings.HasPrefix(msg.Subject, electionRoot):
		l.Invalidate()
	default:
		return false
	}
	return true
}

// Append stores an event, which is then delivered to all targets. It does not block. outcome is
// called once, at once or later, with the reason if the event is not stored and never will be,
// which Append also returns if it is known already: event.ErrNewer if it was to follow another
// event (event.NewReceiptAfter) and the room has a newer one.
func (l *Log) Append(ns Namespace, d *socketio.Delivery, outcome func(error)) error {
	m := &wire.Message{Publisher: l.gateway, Delivery: *d}
	subject := ns.Subjects().All()
	if len(d.Rooms) == 1 {
		subject = ns.Subjects().Room(d.Rooms[0])
	}
	done := func(number uint64, err error) {
		switch {
		case errors.Is(err, outbox.ErrWrongSequence):
			err = event.ErrNewer
		case err != nil:
			err = fmt.Errorf("store the event: %w", err)
		}
		d.Receipt.Stored(number)
		outcome(err)
	}
	header := wire.AddTrace(l.Header(ns.KeepFor(d.Rooms)), d.Trace)
	if after, conditional := d.Receipt.After(); conditional {
		header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(after, 10))
	}
	e := &outbox.Message{Subject: ns.Subjects().Stored(subject), Header: header, Data: m.Encode(), Done: done}
	if err := l.Push(e); err != nil {
		done(0, err)
		return fmt.Errorf("store the event: %w", err)
	}
	return nil
}

// Receive handles an event of the log, which has a sequence. It runs in the loop.
func (l *Log) Receive(ns Namespace, msg *nats.Msg, m *wire.Message) {
	if l.mayHaveMissed() {
		return // catchUp reads it from the stream
	}
	number, last := sequenceOf(msg, jetstream.SequenceHeader), sequenceOf(msg, jetstream.LastSequenceHeader)
	l.out.Recognize(idOf(msg), number)
	l.delivering.Lock()
	stale := number <= l.deliveredTo
	l.delivering.Unlock()
	if stale {
		return // catchUp has delivered it
	}
	if known := ns.Advance(msg.Subject, number); known != 0 && last > known {
		if !l.fillGap(&gap{msg.Subject, known, number}) {
			return // catchUp fills the gap, and then reads this message too
		}
	}
	l.deliver(ns, m, Message{number, msg.Subject, msg.Data, timeOf(msg), idOf(msg), m.Delivery.Trace})
}

// deliver passes an event to its targets on this gateway, unless it was delivered as another
// message before.
func (l *Log) deliver(ns Namespace, m *wire.Message, stored Message) {
	if m.Publisher != l.gateway { // its own are known to be stored by their acknowledgements
		l.tail.add(l.tailSubject(stored.Subject), stored.Sequence, m.Publisher)
	}
	first := l.serials.first(stored.ID)
	stored.ID = "" // a room's history need not keep it
	d := &m.Delivery
	ns.Stored(d.Rooms, stored)
	if !first {
		l.metrics.Repeated.Inc()
		l.passed(stored.Sequence)
		return
	}
	if ns.IsRevised(d.Rooms) {
		d.ExtraArgs = AppendRevision(nil, stored.Sequence)
	}
	l.delivering.Lock()
	defer l.delivering.Unlock()
	l.deliveredTo = max(l.deliveredTo, stored.Sequence)
	d.ExtraArgs, d.Position = l.offset(d.ExtraArgs, l.deliveredTo), stored.Sequence
	_ = ns.Rooms().Broadcast(d) // Rooms returns no error
}

// acked handles an acknowledgement. It runs in the loop.
func (l *Log) acked(msg *nats.Msg) {
	ack, ok := l.out.Acknowledged(msg)
	if !ok {
		return
	}
	if !ack.Duplicate && !l.isStale() { // a duplicate was republished long ago, and says nothing about earlier arrivals
		l.passed(ack.Sequence)
	}
	if subject, isEvent := strings.CutPrefix(ack.Message.Subject, wire.EventRoot(l.service)); isEvent && ack.Sequence != 0 {
		l.tail.add(subject, ack.Sequence, "")
	}
	l.resolve(ack.Message, ack.Sequence, ack.Err)
	l.advance()
}

// resolve reports the outcome of a message to its publisher. It runs in the loop.
func (l *Log) resolve(m *outbox.Message, number uint64, err error) {
	if err != nil {
		l.reject(m, err)
	}
	m.Done(number, err)
}

// advance continues after messages that the log has stored. It runs in the loop.
func (l *Log) advance() {
	refused, after := l.out.Advance()
	for _, e := range refused {
		l.resolve(e, 0, e.Err)
	}
	for _, f := range after {
		f(nil)
	}
	l.relieved()
}

// advanceSoon makes the loop call advance. It does not block.
func (l *Log) advanceSoon() {
	l.host.Go(func() { l.InLoop(l.advance) }) // otherwise Abandon does it
}

// Abandon reports to all who wait for the log that it has ended. It is the last call in the loop.
func (l *Log) Abandon() {
	unstored, after := l.out.Abandon()
	for _, e := range unstored {
		l.resolve(e, 0, e.Err)
	}
	for _, f := range after {
		f(outbox.ErrClosed)
	}
}

// passed is called with a sequence before which everything has been delivered here, such as that of
// a message that this gateway has stored.
func (l *Log) passed(number uint64) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	l.deliveredTo = max(l.deliveredTo, number)
}

// Delivered returns the sequence up to which all events have been delivered here.
func (l *Log) Delivered() uint64 {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.deliveredTo
}

// Close waits for a short time for messages that are still to be stored, and accepts no more.
func (l *Log) Close() {
	if l.ready.is() {
		stored := make(chan struct{})
		l.out.AfterAll(func(error) { close(stored) })
		timer := time.NewTimer(closeTimeout)
		defer timer.Stop()
		select {
		case <-stored:
		case <-timer.C:
			l.log.Warn("leaving with messages that were not stored", "messages", l.out.Waiting())
		}
	}
	l.out.Close()
}

// Check checks the messages that wait to be stored. It is called every few seconds, in the loop.
func (l *Log) Check(now time.Time) { l.out.Check(now) }

// AfterAll calls a function when the outcome of everything stored here until now is known; an error
// means that the log has ended.
func (l *Log) AfterAll(f func(error)) { l.out.AfterAll(f) }

// Waiting returns the number of messages that wait to be stored.
func (l *Log) Waiting() int { return l.out.Waiting() }

// IsReady reports whether messages can be stored now.
func (l *Log) IsReady() bool { return l.ready.is() }

// Problem returns why messages cannot be stored; nil if they can, or if that is not known.
func (l *Log) Problem() error { return l.ready.reason() }

// WasReady reports whether messages could be stored at some time.
func (l *Log) WasReady() bool { return l.ready.wasOnce() }

// AwaitReady returns nil when the log is ready, or the error of the context.
func (l *Log) AwaitReady(ctx context.Context) error { return l.ready.wait(ctx) }
