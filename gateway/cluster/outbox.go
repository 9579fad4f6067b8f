// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

const (
	// outboxMessages and outboxBytes bound the events that wait to be stored. Records of sessions, which are few and small, may take as
	// much again: where events are refused, sessions are still kept.
	outboxMessages = 65536
	outboxBytes    = 64 << 20
	// outboxWindow is how many messages may be on their way at once; the server drops what is beyond 10,000.
	outboxWindow = 4096
	// ackTimeout is how long the oldest message may be on its way, while none is acknowledged, before all are sent again.
	ackTimeout = 3 * time.Second
)

var (
	errOutboxFull = errors.New("too much waits to be stored already: try again later")
	// errWrongSequence: another has written to the subject since.
	errWrongSequence = errors.New("the subject has a newer message")
	errNoAck         = errors.New("JetStream does not acknowledge what it is sent")
	errNoStream      = errors.New("no stream takes what is sent")
	// errLeaving is the outcome of what was not stored when the gateway ended.
	errLeaving = errors.New("the gateway ended before it was stored")
)

// entryState is how far an entry has come. Each entry ends in one of the last three states.
type entryState uint8

const (
	// pending: the entry waits for its turn.
	pending entryState = iota
	// sent: it is on its way on the present connection.
	sent
	// stored: JetStream has it.
	stored
	// rejected: it can never be stored.
	rejected
	// abandoned: the outbox has ended.
	abandoned
)

func (s entryState) isFinal() bool { return s >= stored }

// entry is a message to be stored.
type entry struct {
	subject string
	header  nats.Header
	data    []byte
	// record: of a session.
	record bool
	// done is called once, in dispatch: with the message's number, or the reason why it is not stored and never will be.
	done func(number uint64, err error)

	serial uint64
	// number is what the log has it as, so far as that is known otherwise than by an acknowledgement.
	number uint64
	sentAt time.Time
	state  entryState
	// leads: no other entry of its subject may be sent before this one is stored; see oneBySubject.
	leads bool
	// postponed: JetStream has answered that it has no room for it now.
	postponed bool
	// err is why the outbox itself has rejected it.
	err error
	// after are called when the outcome of this entry and of all before it is known: without an
	// error, unless the outbox has ended, so that some of them may not be stored.
	after []func(error)
}

// outbox sends messages to the log, and again until they are acknowledged, in their order. It has a connection of its own that is
// never mended but replaced: a connection which buffers, and reconnects by itself, would send what was written last
// before what was lost with the old one. Safe for concurrent use.
type outbox struct {
	acks    string // subject of the acknowledgements, without the serial number
	urls    string
	options []nats.Option
	// trouble asks for resume, rejects for advance in dispatch.
	trouble, rejects func()
	// carries is what the gateway's main connection says of maxPayload, for as long as the outbox
	// has had none.
	carries func() int64
	// oneBySubject lets only one message of a subject be on its way, as tight does for a while. While a replicated stream has no leader, what is sent to it is lost
	// message by message, and the first that is not would overtake those that are sent again.
	oneBySubject bool
	// maxMessages and maxBytes are outboxMessages and outboxBytes, but for tests.
	maxMessages, maxBytes int

	mu   sync.Mutex
	conn *nats.Conn // nil while paused; guarded by mu
	// maxPayload is the size of the largest message, headers included, that NATS carries, as the
	// last connection was told; 0 before there was one. Guarded by mu.
	maxPayload int64
	closed     bool     // nothing is taken or sent any more; guarded by mu
	ended      bool     // what was left has been abandoned; guarded by mu
	entries    []*entry // not acknowledged, oldest first, their serial numbers without a gap; guarded by mu
	refused    []*entry // those that the outbox has rejected and whose done is still to be called; guarded by mu
	ready      []*entry // those that may be sent, in order; guarded by mu
	sent       int      // how many are on their way; guarded by mu
	bytes      int      // guarded by mu
	last       uint64   // serial number; guarded by mu
	// behind are those that wait for the one before them on their subject; there is a list, perhaps
	// an empty one, where one leads. Nil unless the outbox is single. Guarded by mu.
	behind map[string][]*entry
	// tight: JetStream lacks room, and entries with serial numbers up to tightUntil waited then;
	// see postpone. Guarded by mu.
	tight      bool
	tightUntil uint64
	// progress is when something was acknowledged last. Guarded by mu.
	progress time.Time
	// flows is closed when JetStream answers something after the last resume, or if nothing waits.
	// Guarded by mu.
	flows chan struct{}
	// problem is why the last connection was given up; nil while there is one. Guarded by mu.
	problem error
	// epoch counts the logs that were lost; an acknowledgement tells that of its message. Guarded by mu.
	epoch uint64
}

func newOutbox(acks string, urls []string, options []nats.Option) *outbox {
	return &outbox{
		acks: acks, urls: strings.Join(urls, ","), options: options, maxMessages: outboxMessages, maxBytes: outboxBytes,
	}
}

// push takes a message, and sends it if it can. It fails, and done is never called, if too much
// waits, if NATS carries no message of that size, or after close.
func (o *outbox) push(e *entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return errLeaving
	}
	if e.header == nil {
		e.header = nats.Header{}
	}
	e.serial = o.last + 1
	e.header.Set(nats.MsgIdHdr, o.ids()+strconv.FormatUint(e.serial, 10))
	if size, most := int64(headerSize(e.header)+len(e.data)), o.limit(); most > 0 && size > most {
		return fmt.Errorf("%d bytes with their headers are more than the %d that NATS carries: %w", size, most, nats.ErrMaxPayload)
	}
	if !o.fits(e) {
		return errOutboxFull
	}
	o.last = e.serial
	o.entries = append(o.entries, e)
	o.bytes += len(e.data)
	o.line(e)
	o.fill()
	return nil
}

// limit is the size of the largest message that NATS carries, as far as that is known; otherwise 0.
// The lock is held.
func (o *outbox) limit() int64 {
	if o.conn != nil {
		o.maxPayload = o.conn.MaxPayload()
	}
	if o.maxPayload == 0 {
		return o.carries()
	}
	return o.maxPayload
}

// line has an entry sent in its turn. The lock is held.
func (o *outbox) line(e *entry) {
	if o.single() {
		if o.behind == nil {
			o.behind = map[string][]*entry{}
		}
		waiting, busy := o.behind[e.subject]
		o.behind[e.subject] = waiting
		if busy {
			o.behind[e.subject] = append(waiting, e)
			return
		}
	}
	e.leads = true
	o.ready = append(o.ready, e)
}

// finish brings an entry to a final state, and the next one of its subject to its turn. The lock is
// held.
func (o *outbox) finish(e *entry, state entryState) {
	if e.state == sent {
		o.sent--
	}
	e.state = state
	if !o.single() || !e.leads {
		return
	}
	e.leads = false
	waiting := o.behind[e.subject]
	for len(waiting) > 0 && waiting[0].state.isFinal() {
		waiting = waiting[1:]
	}
	if len(waiting) == 0 {
		delete(o.behind, e.subject)
		return
	}
	o.behind[e.subject] = waiting[1:]
	waiting[0].leads = true
	o.ready = append(o.ready, waiting[0])
}

// reject finishes an entry that cannot be sent, whatever happens. The lock is held.
func (o *outbox) reject(e *entry, err error) {
	e.err = err
	o.finish(e, rejected)
	o.refused = append(o.refused, e)
	if len(o.refused) == 1 {
		o.rejects()
	}
}

// fits is called with the lock held.
func (o *outbox) fits(e *entry) bool {
	share := 1
	if e.record {
		share = 2
	}
	return len(o.entries) < share*o.maxMessages && o.bytes+len(e.data) <= share*o.maxBytes
}

// settle calls a function once, when the outcome of all that is there now is known; at once if
// nothing is. What was rejected is told to those who pushed it; the error says that the outbox has
// ended, and that some of it may not be stored.
func (o *outbox) settle(f func(error)) {
	o.mu.Lock()
	if n := len(o.entries); n > 0 {
		o.entries[n-1].after = append(o.entries[n-1].after, f)
		o.mu.Unlock()
		return
	}
	var err error
	if o.ended {
		err = errLeaving
	}
	o.mu.Unlock()
	f(err)
}

// fill sends as much as may be on its way. The lock is held.
func (o *outbox) fill() {
	for o.conn != nil && len(o.ready) > 0 && o.sent < outboxWindow {
		e := o.ready[0]
		o.ready[0] = nil
		o.ready = o.ready[1:]
		if e.state.isFinal() { // by what was sent before the last resume
			continue
		}
		switch err := o.send(e); {
		case errors.Is(err, nats.ErrMaxPayload): // NATS carries less than when it was taken, or was not known then
			o.reject(e, err)
		case err != nil:
			o.drop(err)
			return
		default:
			e.state = sent
			o.sent++
		}
	}
}

func (o *outbox) send(e *entry) error {
	e.sentAt = time.Now()
	reply := o.acks + strconv.FormatUint(e.serial, 10) + "-" + strconv.FormatUint(o.epoch, 10)
	return o.conn.PublishMsg(&nats.Msg{Subject: e.subject, Reply: reply, Header: e.header, Data: e.data})
}

// headerSize is how many bytes a header takes on the wire (NATS ADR-4), which count for NATS's
// max_payload.
func headerSize(h nats.Header) int {
	size := len("NATS/1.0\r\n\r\n")
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(": ") + len(value) + len("\r\n")
		}
	}
	return size
}

// ids begins the ids of messages, which end with their serial numbers.
func (o *outbox) ids() string { return o.acks[len(wire.LiveRoot):] }

// drop gives the connection up, and asks for another. The lock is held.
func (o *outbox) drop(problem error) {
	if o.conn == nil {
		return
	}
	conn := o.conn
	o.conn, o.problem = nil, problem
	go conn.Close() // which waits for what it is just doing
	o.trouble()
}

// pause stops sending until resume.
func (o *outbox) pause() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn != nil {
		go o.conn.Close()
		o.conn = nil
	}
}

// resume sends all again that is not acknowledged, in order, and then what comes. What it returns is closed when the log has taken some
// of it, or if there is nothing.
func (o *outbox) resume() (flows <-chan struct{}, err error) {
	conn, err := nats.Connect(o.urls, append(o.options[:len(o.options):len(o.options)], nats.ClosedHandler(o.lost))...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS to store events: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		conn.Close()
		return nil, nats.ErrConnectionClosed
	}
	o.conn, o.sent, o.problem = conn, 0, nil
	o.flows = make(chan struct{})
	waiting := o.flows
	if len(o.entries) == 0 {
		o.flow()
	}
	o.rejectOvertaken()
	o.ready, o.behind = nil, nil
	for _, e := range o.entries {
		if !e.state.isFinal() {
			e.state, e.leads = pending, false
			o.line(e)
		}
	}
	o.fill()
	return waiting, nil
}

// flow tells who waits for it that the log takes messages. The lock is held.
func (o *outbox) flow() {
	if o.flows != nil {
		close(o.flows)
		o.flows = nil
	}
}

// blocked is why nothing is being sent; nil if it is.
func (o *outbox) blocked() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.problem
}

// lost is told of the end of a connection.
func (o *outbox) lost(conn *nats.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == conn {
		o.drop(nats.ErrConnectionClosed)
	}
}

// check asks for help if the oldest message has been on its way for too long. A long backlog takes longer, and moves.
func (o *outbox) check(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil || len(o.entries) == 0 {
		return
	}
	// The first has been sent before all others, unless it is there already and only not taken out.
	e := o.entries[0]
	if e.state == sent && now.Sub(e.sentAt) > ackTimeout && now.Sub(o.progress) > ackTimeout {
		o.drop(errNoAck)
	}
}

// waiting is the number of messages that are not acknowledged.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.entries)
}

// close ends the connection, and takes nothing more. What is not acknowledged is left to abandon.
func (o *outbox) close() {
	o.mu.Lock()
	conn := o.conn
	o.conn, o.closed = nil, true
	o.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}
