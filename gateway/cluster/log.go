// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// eventLog is the service's JetStream stream: what must be ordered and recoverable is stored there first, and comes out, to
// all gateways with a member, in the order in which it was stored and with its number in it. Sessions are stored there
// too, so that the number of a session's record says what came before and what behind it.
//
// What comes out of the log, and the acknowledgements of what goes in, arrive in one order on one NATS connection; dispatch
// takes them in that order. So when it takes the acknowledgement with a number, all that has a lower one and concerns this
// gateway has been taken before.
type eventLog struct {
	cluster  *Cluster
	stream   string
	recovery Recovery
	log      *slog.Logger
	out      *outbox.Outbox
	sessions *sessions
	backlogs *backlogs
	lookups  lookups
	finding  sharedTimeout
	// control has dispatch call functions.
	control chan func()
	// kick asks run for preparation, broken says that of the outbox too.
	kick   chan struct{}
	broken atomic.Bool
	// ready is whether what is to be stored can be.
	ready readiness

	// delivering is held while what has a number, or tells the last one, is handed to local sockets, so that no client is told a
	// number before it has got what the number stands for.
	delivering sync.Mutex
	// position is the highest number up to which all has been delivered here. Guarded by delivering.
	position uint64
	// generation tells a stream from one of the same name that was there before it. Guarded by delivering.
	generation string
	// liveRoot begins the subjects of all that comes out of the log.
	liveRoot string
	// serials are of the messages that were delivered, tail is the end of the log. Only dispatch uses them.
	serials *serials
	tail    tail
	// restarting is the last change to another log; nil if there was none, or it was long ago. Only dispatch uses it.
	restarting *restart
	// reached is a number up to which all of the log that concerns this gateway had been sent to it before its last probe.
	reached atomic.Uint64
	// probed is what the last probe has found. Only probes use it.
	probed probed
	// caughtUp is the number of breaks up to which position counts; see breaks. Only dispatch uses it.
	caughtUp uint64
	// gaps are those that are still to be filled, replayed is how many messages of each subject an unfinished catchUp has
	// delivered. Only dispatch uses them.
	gaps     []*gap
	replayed map[string]int
	// doubts counts the times that messages may have gone by though the connection has held; holes does too, without those
	// where only the outbox was in trouble. caughtHoles and caughtReconnects are those up to which position counts; only
	// dispatch uses them.
	doubts, holes                 atomic.Uint64
	caughtHoles, caughtReconnects uint64
	// heardAt is when all that was stored until then had arrived here. Only run uses it.
	heardAt   time.Time
	histories *historyCache
	// historyReads has an entry for each history that is being read.
	historyReads chan struct{}
	// full is what is refused while too much waits.
	full     refusals
	rejected *rejections
	// limits are those of the stream.
	limits limits
}

func newEventLog(c *Cluster, o Options) *eventLog {
	l := &eventLog{
		cluster:      c,
		stream:       "RTS_" + wire.Token(c.service),
		recovery:     *o.Recovery,
		log:          o.Log,
		kick:         make(chan struct{}, 1),
		control:      make(chan func()),
		histories:    &historyCache{limit: cmp.Or(o.Recovery.HistoryBytes, defaultHistoryBytes)},
		historyReads: make(chan struct{}, historyReadsAtOnce),
		rejected:     newRejections(),
		liveRoot:     wire.LiveRoot + wire.Token(c.service) + ".",
		serials:      newSerials(c.subjects.Acks, c.id, c.peers.list),
	}
	l.out = outbox.New(outbox.Options{
		Acks: c.subjects.Acks, URLs: o.URLs, NATS: publisherOptions(o), MaxPayload: func() int64 { return c.nc.MaxPayload() },
		Trouble: l.trouble, Rejected: l.advanceSoon,
	})
	l.out.SetOneBySubject(o.Recovery.Replicas > 1)
	l.sessions = newSessions(l)
	l.backlogs = newBacklogs(l)
	l.lookups.log = l
	return l
}

// append stores an event, which then comes out to all who are meant. It does not wait.
func (l *eventLog) append(a *adapter, d *socketio.Delivery) error {
	m := &wire.Message{Publisher: l.cluster.id, Delivery: *d}
	subject := a.subjects.All()
	if len(d.Rooms) == 1 {
		subject = a.subjects.Room(d.Rooms[0])
	}
	receipt := d.Receipt
	outcome := func(_ uint64, err error) {
		if err != nil {
			l.cluster.metrics.failed.Inc()
			err = fmt.Errorf("store the event: %w", err)
		}
		receipt.Resolve(err)
	}
	receipt.Expect()
	e := &outbox.Message{Subject: a.subjects.Stored(subject), Header: l.keepFor(a, d.Rooms), Data: m.Encode(), Done: outcome}
	if err := l.push(e); err != nil {
		outcome(0, err)
		return fmt.Errorf("store the event: %w", err)
	}
	l.cluster.metrics.published.Inc()
	return nil
}

// unordered prepares an event that is not stored: to whoever can be recovered it says what they have got before it. The
// caller delivers it, then calls what is returned.
func (l *eventLog) unordered(d *socketio.Delivery) (done func()) {
	l.delivering.Lock()
	d.ExtraArgs = l.offset(nil, l.position)
	return l.delivering.Unlock
}

// offset adds to extra arguments what a client is told of its place in the log. The lock delivering is held.
func (l *eventLog) offset(values []byte, position uint64) []byte {
	return offset.Append(values, l.generation, position)
}

// receive takes a message of the log. It runs in dispatch.
func (l *eventLog) receive(a *adapter, msg *nats.Msg, m *wire.Message) {
	if l.missing() {
		return // catchUp reads it from the stream
	}
	number, last := sequenceOf(msg, jetstream.SequenceHeader), sequenceOf(msg, jetstream.LastSequenceHeader)
	l.out.Recognize(idOf(msg), number)
	l.delivering.Lock()
	stale := number <= l.position
	l.delivering.Unlock()
	if stale {
		return // it came by catchUp already
	}
	if known := a.interest.advance(msg.Subject, number); known != 0 && last > known {
		if !l.fillGap(&gap{msg.Subject, known, number}) {
			return // catchUp fills the gap, and then reads this message too
		}
	}
	l.deliver(a, m, storedMessage{number, msg.Subject, msg.Data, timeOf(msg), idOf(msg)})
}

// deliver hands an event to those who are meant here, unless the same event was delivered as another message.
func (l *eventLog) deliver(a *adapter, m *wire.Message, stored storedMessage) {
	if m.Publisher != l.cluster.id { // its own are known to be stored by their acknowledgements
		l.tail.add(l.tailSubject(stored.subject), stored.number, m.Publisher)
	}
	first := l.serials.first(stored.id)
	stored.id = "" // a room's history need not keep it
	d := &m.Delivery
	a.history.add(a, d.Rooms, stored)
	if !first {
		l.cluster.metrics.repeated.Inc()
		l.passed(stored.number)
		return
	}
	if a.revised(d.Rooms) {
		d.ExtraArgs = appendRevision(nil, stored.number)
	}
	l.delivering.Lock()
	defer l.delivering.Unlock()
	l.position = max(l.position, stored.number)
	d.ExtraArgs, d.Position = l.offset(d.ExtraArgs, l.position), stored.number
	_ = a.rooms.Broadcast(d) // Rooms never fails
}

// acked takes an acknowledgement. It runs in dispatch.
func (l *eventLog) acked(msg *nats.Msg) {
	ack, ok := l.out.Acknowledged(msg)
	if !ok {
		return
	}
	if !ack.Duplicate && !l.behind() { // a duplicate went out long ago, and says nothing of what came in before it
		l.passed(ack.Sequence)
	}
	if subject, isEvent := strings.CutPrefix(ack.Message.Subject, wire.EventRoot(l.cluster.service)); isEvent && ack.Sequence != 0 {
		l.tail.add(subject, ack.Sequence, "")
	}
	l.tell(ack.Message, ack.Sequence, ack.Err)
	l.advance()
}

// tell tells who has pushed a message what has become of it. It runs in dispatch.
func (l *eventLog) tell(e *outbox.Message, number uint64, err error) {
	if err != nil {
		l.reject(e, err)
	}
	e.Done(number, err)
}

// advance goes on behind what the log has taken. It runs in dispatch.
func (l *eventLog) advance() {
	refused, after := l.out.Advance()
	for _, e := range refused {
		l.tell(e, 0, e.Err)
	}
	for _, f := range after {
		f(nil)
	}
	l.relieved()
}

// advanceSoon has dispatch call advance. It does not wait.
func (l *eventLog) advanceSoon() {
	l.cluster.done.Go(func() {
		select {
		case l.control <- l.advance:
		case <-l.cluster.stop: // abandon sees to it
		}
	})
}

// abandon tells all who wait for the log that it has ended. It is the last that dispatch does.
func (l *eventLog) abandon() {
	unstored, after := l.out.Abandon()
	for _, e := range unstored {
		l.tell(e, 0, e.Err)
	}
	for _, f := range after {
		f(outbox.ErrClosed)
	}
}

// passed is told a number before which all has been delivered here, as that of a message which this gateway has stored.
func (l *eventLog) passed(number uint64) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	l.position = max(l.position, number)
}

// delivered is the number up to which all has been delivered here.
func (l *eventLog) delivered() uint64 {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.position
}

// close waits a little for what has still to be stored.
func (l *eventLog) close() {
	if l.ready.is() {
		stored := make(chan struct{})
		l.out.AfterAll(func(error) { close(stored) })
		timer := time.NewTimer(flushTimeout)
		defer timer.Stop()
		select {
		case <-stored:
		case <-timer.C:
			l.log.Warn("leaving with messages that were not stored", "messages", l.out.Waiting())
		}
	}
	l.out.Close()
}

// LogReady tells whether what is to be recoverable can be stored now. Without recovery it is true.
func (c *Cluster) LogReady() bool { return c.events == nil || c.events.ready.is() }

// Stores tells whether what is emitted is stored first.
func (c *Cluster) Stores() bool { return c.events != nil }
