// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"fmt"
	"log/slog"
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
)

// closeTimeout bounds the wait for what has still to be stored when the gateway ends.
const closeTimeout = time.Second

// Config says what a log keeps, and how it is reached.
type Config struct {
	// Service names the service, Gateway is the id of this gateway.
	Service, Gateway string
	// URLs of the NATS servers, and with what the outbox connects to them; see outbox.Options.
	URLs      []string
	Publisher []nats.Option
	// Retention is how long everything is kept at least, Longest how long an event may ask to be kept; see Namespace.KeepFor.
	Retention, Longest time.Duration
	// Replicas is on how many NATS servers the log is kept; 1 if zero.
	Replicas int
	// MaxBytes bounds the stream; 0 leaves that to NATS. Beyond it new messages are refused until older ones have expired.
	MaxBytes int64
	// MaxPerSubject is how many messages of a subject are kept; 100,000 if zero. Beyond it JetStream drops the oldest.
	MaxPerSubject int64
	// Log gets the state of the log, Panics those of messages.
	Log     *slog.Logger
	Panics  *panics.Watch
	Metrics *Metrics
}

// Log is the service's JetStream stream: what must be ordered and recoverable is stored there first, and comes out, to
// all gateways with a member, in the order in which it was stored and with its sequence in it.
//
// Methods that run in the loop say so; all others are safe for concurrent use. Close, and then Abandon in the loop, end it.
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
	// control has the loop call functions.
	control chan func()
	// signaled asks Run for preparation, broken says that of the outbox too.
	signaled chan struct{}
	broken   atomic.Bool
	// ready is whether what is to be stored can be.
	ready readiness

	// delivering is held while what has a number, or tells the last one, is handed to local sockets, so that no client is told a
	// number before it has got what the number stands for.
	delivering sync.Mutex
	// deliveredTo is the sequence up to which all has been delivered here. Guarded by delivering.
	deliveredTo uint64
	// incarnation tells a stream from one of the same name that was there before it. Guarded by delivering.
	incarnation string
	// liveRoot begins the subjects of all that comes out of the log.
	liveRoot string
	// serials are of the messages that were delivered, tail is the end of the log. Only the loop uses them.
	serials *serials
	tail    tail
	// restarting is the last change to another log; nil if there was none, or it was long ago. Only the loop uses it.
	restarting *restart
	// reached is a number up to which all of the log that concerns this gateway had been sent to it before its last probe.
	reached atomic.Uint64
	// probed is what the last probe has found. Only probes use it.
	probed probed
	// caughtUp is one more than the epoch up to which deliveredTo counts, 0 at the beginning. Only the loop uses it.
	caughtUp uint64
	// gaps are those that are still to be filled, replayed is how many messages of each subject an unfinished catchUp has
	// delivered. Only the loop uses them.
	gaps     []*gap
	replayed map[string]int
	// invalidations counts the times that messages may have gone by though the connection has held; misses does too, without those
	// where only the outbox was in trouble. caughtMisses and caughtReconnects are those up to which deliveredTo counts; only
	// the loop uses them.
	invalidations, misses          atomic.Uint64
	caughtMisses, caughtReconnects uint64
	// heardAt is when all that was stored until then had arrived here. Only Run uses it.
	heardAt time.Time
	// full is what is refused while too much waits.
	full     refusals
	rejected *rejections
	// limits are those of the stream.
	limits limits
}

// New makes a log that is not there yet: Run sees to that. The context is the gateway's life.
func New(life context.Context, host Host, c Config) *Log {
	subjects := wire.NewServiceSubjects(c.Service, c.Gateway)
	l := &Log{
		host: host, config: c, gateway: c.Gateway, service: c.Service, subjects: subjects, life: life, stop: life.Done(),
		stream:   "RTS_" + wire.Token(c.Service),
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

// Subscriptions are the subjects that the loop is to hear of for the log's sake.
func (l *Log) Subscriptions() []string {
	return []string{l.subjects.Acks + "*", l.subjects.Restarts, l.elections()}
}

// Loop has functions that the loop is to call, between messages.
func (l *Log) Loop() <-chan func() { return l.control }

// InLoop has the loop call a function, and returns when it has begun; false if the gateway ends before.
func (l *Log) InLoop(f func()) bool {
	select {
	case l.control <- f:
		return true
	case <-l.stop:
		return false
	}
}

// Take takes a message of Subscriptions. It is false for any other, and runs in the loop.
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

// Append stores an event, which then comes out to all who are meant. It does not wait. outcome is called once, then or later, with the
// reason if the event is not stored and never will be, which is returned too if it is known already.
func (l *Log) Append(ns Namespace, d *socketio.Delivery, outcome func(error)) error {
	m := &wire.Message{Publisher: l.gateway, Delivery: *d}
	subject := ns.Subjects().All()
	if len(d.Rooms) == 1 {
		subject = ns.Subjects().Room(d.Rooms[0])
	}
	done := func(_ uint64, err error) {
		if err != nil {
			err = fmt.Errorf("store the event: %w", err)
		}
		outcome(err)
	}
	e := &outbox.Message{Subject: ns.Subjects().Stored(subject), Header: wire.AddTrace(l.Header(ns.KeepFor(d.Rooms)), d.Trace), Data: m.Encode(), Done: done}
	if err := l.Push(e); err != nil {
		done(0, err)
		return fmt.Errorf("store the event: %w", err)
	}
	return nil
}

// Receive takes an event of the log, which has a sequence. It runs in the loop.
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
		return // it came by catchUp already
	}
	if known := ns.Advance(msg.Subject, number); known != 0 && last > known {
		if !l.fillGap(&gap{msg.Subject, known, number}) {
			return // catchUp fills the gap, and then reads this message too
		}
	}
	l.deliver(ns, m, Message{number, msg.Subject, msg.Data, timeOf(msg), idOf(msg), m.Delivery.Trace})
}

// deliver hands an event to those who are meant here, unless the same event was delivered as another message.
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
	_ = ns.Rooms().Broadcast(d) // Rooms never fails
}

// acked takes an acknowledgement. It runs in the loop.
func (l *Log) acked(msg *nats.Msg) {
	ack, ok := l.out.Acknowledged(msg)
	if !ok {
		return
	}
	if !ack.Duplicate && !l.isStale() { // a duplicate went out long ago, and says nothing of what came in before it
		l.passed(ack.Sequence)
	}
	if subject, isEvent := strings.CutPrefix(ack.Message.Subject, wire.EventRoot(l.service)); isEvent && ack.Sequence != 0 {
		l.tail.add(subject, ack.Sequence, "")
	}
	l.resolve(ack.Message, ack.Sequence, ack.Err)
	l.advance()
}

// resolve tells the one who has pushed a message what has become of it. It runs in the loop.
func (l *Log) resolve(m *outbox.Message, number uint64, err error) {
	if err != nil {
		l.reject(m, err)
	}
	m.Done(number, err)
}

// advance goes on behind what the log has taken. It runs in the loop.
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

// advanceSoon has the loop call advance. It does not wait.
func (l *Log) advanceSoon() {
	l.host.Go(func() { l.InLoop(l.advance) }) // else Abandon sees to it
}

// Abandon tells all who wait for the log that it has ended. It is the last that the loop does.
func (l *Log) Abandon() {
	unstored, after := l.out.Abandon()
	for _, e := range unstored {
		l.resolve(e, 0, e.Err)
	}
	for _, f := range after {
		f(outbox.ErrClosed)
	}
}

// passed is told a number before which all has been delivered here, as that of a message which this gateway has stored.
func (l *Log) passed(number uint64) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	l.deliveredTo = max(l.deliveredTo, number)
}

// Delivered is the sequence up to which all has been delivered here.
func (l *Log) Delivered() uint64 {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.deliveredTo
}

// Close waits a little for what has still to be stored, and takes nothing more.
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

// Check looks after what waits to be stored. It is called every few seconds, in the loop.
func (l *Log) Check(now time.Time) { l.out.Check(now) }

// AfterAll calls a function when the outcome of all that has been stored here until now is known; the error says that the log has ended.
func (l *Log) AfterAll(f func(error)) { l.out.AfterAll(f) }

// Waiting is the number of messages that wait to be stored.
func (l *Log) Waiting() int { return l.out.Waiting() }

// IsReady tells whether what is to be stored can be now, WasReady whether it could at some time.
func (l *Log) IsReady() bool { return l.ready.is() }

// WasReady tells whether the log could be used at some time.
func (l *Log) WasReady() bool { return l.ready.wasOnce() }

// AwaitReady returns when the log is ready, or with the error of the context.
func (l *Log) AwaitReady(ctx context.Context) error { return l.ready.wait(ctx) }
