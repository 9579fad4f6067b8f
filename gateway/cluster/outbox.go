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
)

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
	acked  bool
	// after are called when this and all before it have been acknowledged.
	after []func()
}

// outbox sends messages to the log, and again until they are acknowledged, in their order. It has a connection of its own that is
// never mended but replaced: a connection which buffers, and reconnects by itself, would send what was written last
// before what was lost with the old one. Safe for concurrent use.
type outbox struct {
	acks    string // subject of the acknowledgements, without the serial number
	urls    string
	options []nats.Option
	// trouble asks for resume.
	trouble func()
	// oneBySubject lets only one message of a subject be on its way. While a replicated stream has no leader, what is sent to it is lost
	// message by message, and the first that is not would overtake those that are sent again.
	oneBySubject bool
	// maxMessages and maxBytes are outboxMessages and outboxBytes, but for tests.
	maxMessages, maxBytes int

	mu      sync.Mutex
	conn    *nats.Conn // nil while paused; guarded by mu
	closed  bool       // guarded by mu
	entries []*entry   // not acknowledged, oldest first, their serial numbers without a gap; guarded by mu
	ready   []*entry   // those that may be sent, in order; guarded by mu
	sent    int        // how many are on their way; guarded by mu
	bytes   int        // guarded by mu
	last    uint64     // serial number; guarded by mu
	// behind are those that wait for the one before them on their subject; there is a list, perhaps an empty one, where one is
	// ready or on its way. Nil without oneBySubject. Guarded by mu.
	behind map[string][]*entry
	// progress is when something was acknowledged last. Guarded by mu.
	progress time.Time
	// flows is closed when something is acknowledged that waited at the last resume. Guarded by mu.
	flows chan struct{}
	// problem is why the last connection was given up; nil while there is one. Guarded by mu.
	problem error
}

func newOutbox(acks string, urls []string, options []nats.Option, trouble func()) *outbox {
	return &outbox{
		acks: acks, urls: strings.Join(urls, ","), options: options, trouble: trouble, maxMessages: outboxMessages, maxBytes: outboxBytes,
	}
}

// push takes a message, and sends it if it can. It fails if too much waits.
func (o *outbox) push(e *entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn != nil && int64(len(e.data)) > o.conn.MaxPayload() {
		return nats.ErrMaxPayload
	}
	if !o.fits(e) {
		return errOutboxFull
	}
	o.last++
	e.serial = o.last
	o.entries = append(o.entries, e)
	o.bytes += len(e.data)
	o.line(e)
	o.fill()
	return nil
}

// line has an entry sent in its turn. The lock is held.
func (o *outbox) line(e *entry) {
	if o.oneBySubject {
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
	o.ready = append(o.ready, e)
}

// finish says that an entry needs nothing any more. The lock is held.
func (o *outbox) finish(e *entry) {
	e.acked = true
	if !o.oneBySubject {
		return
	}
	waiting := o.behind[e.subject]
	if len(waiting) == 0 {
		delete(o.behind, e.subject)
		return
	}
	o.behind[e.subject] = waiting[1:]
	o.ready = append(o.ready, waiting[0])
}

// fits is called with the lock held.
func (o *outbox) fits(e *entry) bool {
	share := 1
	if e.record {
		share = 2
	}
	return len(o.entries) < share*o.maxMessages && o.bytes+len(e.data) <= share*o.maxBytes
}

// settle calls a function when all that is there now has been acknowledged; at once if nothing is.
func (o *outbox) settle(f func()) {
	o.mu.Lock()
	if n := len(o.entries); n > 0 {
		o.entries[n-1].after = append(o.entries[n-1].after, f)
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	f()
}

// fill sends as much as may be on its way. The lock is held.
func (o *outbox) fill() {
	for o.conn != nil && len(o.ready) > 0 && o.sent < outboxWindow {
		e := o.ready[0]
		o.ready[0] = nil
		o.ready = o.ready[1:]
		if e.acked { // by what was sent before the last resume
			continue
		}
		switch err := o.send(e); {
		case errors.Is(err, nats.ErrMaxPayload):
			o.finish(e)
			go e.done(0, err)
		case err != nil:
			o.drop(err)
			return
		default:
			o.sent++
		}
	}
}

func (o *outbox) send(e *entry) error {
	e.sentAt = time.Now()
	serial := strconv.FormatUint(e.serial, 10)
	msg := &nats.Msg{Subject: e.subject, Reply: o.acks + serial, Header: nats.Header{}, Data: e.data}
	for name, values := range e.header {
		msg.Header[name] = values
	}
	msg.Header.Set(nats.MsgIdHdr, o.ids()+serial)
	return o.conn.PublishMsg(msg)
}

// ids begins the ids of messages, which end with their serial numbers.
func (o *outbox) ids() string { return o.acks[len(liveRoot):] }

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
	o.ready, o.behind = nil, nil
	for _, e := range o.entries {
		if !e.acked {
			e.sentAt = time.Time{}
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
	if !e.acked && !e.sentAt.IsZero() && now.Sub(e.sentAt) > ackTimeout && now.Sub(o.progress) > ackTimeout {
		o.drop(errNoAck)
	}
}

// waiting is the number of messages that are not acknowledged.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.entries)
}

// close ends the connection. What is not acknowledged is lost with the gateway.
func (o *outbox) close() {
	o.mu.Lock()
	conn := o.conn
	o.conn, o.closed = nil, true
	o.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}
