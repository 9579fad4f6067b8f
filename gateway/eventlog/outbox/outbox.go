// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

const (
	// MaxMessages and MaxBytes bound the messages that wait to be stored. Those with Reserve may
	// take the same again.
	MaxMessages = 65536
	MaxBytes    = 64 << 20
	// window is how many messages may be in flight at once; the server drops those beyond 10,000.
	window = 4096
	// ackTimeout is how long the oldest message may be in flight without any acknowledgement before
	// all are sent again.
	ackTimeout = 3 * time.Second
)

// Errors of Push, and outcomes of messages.
var (
	// ErrFull: too many messages wait.
	ErrFull = errors.New("too much waits to be stored already: try again later")
	// ErrWrongSequence: the message was to follow another one on its subject, but another message
	// has come in between.
	ErrWrongSequence = errors.New("the subject has a newer message")
	// ErrTooLarge: the message is too large for the stream (its max_msg_size).
	ErrTooLarge = errors.New("the message is larger than the log takes")
	// ErrOvertaken: JetStream had no room for the message, but then had room for a later one of the
	// same subject.
	ErrOvertaken = errors.New("JetStream had no room for it, and has stored a later message of its subject")
	// ErrClosed is the outcome of messages that were not stored when the gateway ended.
	ErrClosed = errors.New("the gateway ended before it was stored")
)

// The reasons why a connection is given up; see Problem.
var (
	errNoAck    = errors.New("JetStream does not acknowledge what it is sent")
	errNoStream = errors.New("no stream takes what is sent")
)

// Message is a message to be stored.
type Message struct {
	Subject string
	Header  nats.Header
	Data    []byte
	// Reserve lets it wait when others are refused; see MaxMessages.
	Reserve bool
	// LogAs is the name of the message in the gateway's log, if its subject must not be logged.
	LogAs string
	// Done is for the caller of Acknowledged, TakeRecognized, Advance and Abandon: it has to call
	// Done once for each message that they return, with the message's sequence in the stream, or
	// the reason why it is not stored and never will be.
	Done func(sequence uint64, err error)
	// Sequence is its sequence in the stream, if that is known from something other than an
	// acknowledgement.
	Sequence uint64
	// Err is why the outbox itself has rejected or abandoned it.
	Err error

	// serial numbers the messages of a gateway.
	serial uint64
	sentAt time.Time
	state  state
	// leads: no other message of its subject may be sent before this one is stored; see
	// SetOneBySubject.
	leads bool
	// postponed: JetStream has answered that it has no room for it now.
	postponed bool
	// after are called when the outcome of this message and of all before it is known: without an
	// error, unless the outbox has ended, in which case some may not be stored.
	after []func(error)
}

// Options configure an outbox.
type Options struct {
	// Acks is the prefix of the subjects of acknowledgements; see wire.ServiceSubjects.
	Acks string
	// URLs are the addresses of the NATS servers. The connection must not reconnect by itself.
	URLs []string
	NATS []nats.Option
	// MaxPayload returns the size of the largest message according to the gateway's main
	// connection, for as long as the outbox has had no connection; 0 if it is not known.
	MaxPayload func() int64
	// Trouble asks for Resume, Rejected for Advance. They are called with a lock held, and must
	// neither block nor call the outbox.
	Trouble, Rejected func()
}

// Outbox sends messages to a stream, repeatedly until they are acknowledged, in their order. It has
// a connection of its own that is replaced when it fails: a connection that buffers, and reconnects
// by itself, would send later messages before those that were lost with the old one. Its owner
// calls Resume when it asks for that, and passes on the acknowledgements of its messages. Safe for
// concurrent use; Abandon ends it.
type Outbox struct {
	options Options

	mu sync.Mutex
	// maxMessages, maxBytes and oneBySubject are set by SetBounds and SetOneBySubject. Guarded by
	// mu.
	maxMessages, maxBytes int
	oneBySubject          bool

	conn *nats.Conn // nil while paused; guarded by mu
	// maxPayload is the size of the largest message, headers included, that NATS accepts, according
	// to the last connection; 0 before there was one. Guarded by mu.
	maxPayload int64
	closed     bool       // nothing is accepted or sent any more; guarded by mu
	ended      bool       // the remaining messages have been abandoned; guarded by mu
	messages   []*Message // not acknowledged, oldest first, their serial numbers without a gap; guarded by mu
	refused    []*Message // rejected by the outbox, with a Done still to be called; guarded by mu
	ready      []*Message // those that may be sent, in order; guarded by mu
	sent       int        // how many are in flight; guarded by mu
	bytes      int        // guarded by mu
	last       uint64     // serial number; guarded by mu
	// blocked are messages that wait for the one before them on their subject; if one leads, there
	// is a list, possibly empty. Nil unless the outbox is single. Guarded by mu.
	blocked map[string][]*Message
	// tight: JetStream lacks room, and messages with serial numbers up to tightUntil waited then;
	// see postpone. Guarded by mu.
	tight      bool
	tightUntil uint64
	// answeredAt is the time of the last acknowledgement. Guarded by mu.
	answeredAt time.Time
	// progressed is closed when JetStream answers something after the last Resume, or if nothing
	// waits. Guarded by mu.
	progressed chan struct{}
	// problem is why the last connection was given up; nil while there is one. Guarded by mu.
	problem error
	// epoch counts lost log incarnations; an acknowledgement has the epoch of its message. Guarded
	// by mu.
	epoch uint64
}

// New returns a paused outbox.
func New(o Options) *Outbox {
	return &Outbox{options: o, maxMessages: MaxMessages, maxBytes: MaxBytes}
}

// SetBounds sets how much may wait; see MaxMessages.
func (o *Outbox) SetBounds(messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.maxMessages, o.maxBytes = messages, bytes
}

// MaxMessages returns how many messages may wait.
func (o *Outbox) MaxMessages() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.maxMessages
}

// SetOneBySubject allows only one message of a subject to be in flight, as a lack of room does for
// a while. While a replicated stream has no leader, messages to it are lost one by one, and the
// first that is not would overtake those that are sent again.
func (o *Outbox) SetOneBySubject(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.oneBySubject = on
}

// Push accepts a message, and sends it if possible. An error means that the message is not
// accepted, so that it has no other outcome: ErrFull, nats.ErrMaxPayload if the message with its
// header is too large for NATS, or ErrClosed.
func (o *Outbox) Push(m *Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	m.serial = o.last + 1
	m.Header.Set(nats.MsgIdHdr, o.ids()+strconv.FormatUint(m.serial, 10))
	if size, most := int64(headerSize(m.Header)+len(m.Data)), o.limit(); most > 0 && size > most {
		return fmt.Errorf("%d bytes with their headers are more than the %d that NATS carries: %w", size, most, nats.ErrMaxPayload)
	}
	if !o.fits(m) {
		return ErrFull
	}
	o.last = m.serial
	o.messages = append(o.messages, m)
	o.bytes += len(m.Data)
	o.enqueue(m)
	o.sendReady()
	return nil
}

// limit returns the size of the largest message that NATS accepts, if it is known; otherwise 0. The
// lock is held.
func (o *Outbox) limit() int64 {
	if o.conn != nil {
		o.maxPayload = o.conn.MaxPayload()
	}
	if o.maxPayload == 0 {
		return o.options.MaxPayload()
	}
	return o.maxPayload
}

// enqueue puts a message into the queue. The lock is held.
func (o *Outbox) enqueue(m *Message) {
	if o.single() {
		if o.blocked == nil {
			o.blocked = map[string][]*Message{}
		}
		waiting, busy := o.blocked[m.Subject]
		o.blocked[m.Subject] = waiting
		if busy {
			o.blocked[m.Subject] = append(waiting, m)
			return
		}
	}
	m.leads = true
	o.ready = append(o.ready, m)
}

// finish sets a final state, and lets the next message of the subject be sent. The lock is held.
func (o *Outbox) finish(m *Message, state state) {
	if m.state == sent {
		o.sent--
	}
	m.state = state
	if !o.single() || !m.leads {
		return
	}
	m.leads = false
	waiting := o.blocked[m.Subject]
	for len(waiting) > 0 && waiting[0].state.isFinal() {
		waiting = waiting[1:]
	}
	if len(waiting) == 0 {
		delete(o.blocked, m.Subject)
		return
	}
	o.blocked[m.Subject] = waiting[1:]
	waiting[0].leads = true
	o.ready = append(o.ready, waiting[0])
}

// reject finishes a message that can never be sent. The lock is held.
func (o *Outbox) reject(m *Message, err error) {
	m.Err = err
	o.finish(m, rejected)
	o.refused = append(o.refused, m)
	if len(o.refused) == 1 {
		o.options.Rejected()
	}
}

// fits is called with the lock held.
func (o *Outbox) fits(m *Message) bool {
	share := 1
	if m.Reserve {
		share = 2
	}
	return len(o.messages) < share*o.maxMessages && o.bytes+len(m.Data) <= share*o.maxBytes
}

// AfterAll calls a function once, when the outcome of all present messages is known; at once if
// there are none. Rejections are reported to those who pushed the messages; an error means that the
// outbox has ended, and that some may not be stored.
func (o *Outbox) AfterAll(f func(error)) {
	o.mu.Lock()
	if n := len(o.messages); n > 0 {
		o.messages[n-1].after = append(o.messages[n-1].after, f)
		o.mu.Unlock()
		return
	}
	var err error
	if o.ended {
		err = ErrClosed
	}
	o.mu.Unlock()
	f(err)
}

// sendReady sends as many messages as may be in flight. The lock is held.
func (o *Outbox) sendReady() {
	for o.conn != nil && len(o.ready) > 0 && o.sent < window {
		m := o.ready[0]
		o.ready[0] = nil
		o.ready = o.ready[1:]
		if m.state.isFinal() { // by an answer to what was sent before the last Resume
			continue
		}
		switch err := o.send(m); {
		case errors.Is(err, nats.ErrMaxPayload): // the limit of NATS has decreased, or was not known before
			o.reject(m, err)
		case err != nil:
			o.drop(err)
			return
		default:
			m.state = sent
			o.sent++
		}
	}
}

func (o *Outbox) send(m *Message) error {
	m.sentAt = time.Now()
	reply := o.options.Acks + strconv.FormatUint(m.serial, 10) + "-" + strconv.FormatUint(o.epoch, 10)
	return o.conn.PublishMsg(&nats.Msg{Subject: m.Subject, Reply: reply, Header: m.Header, Data: m.Data})
}

// headerSize returns the size of a header on the wire (NATS ADR-4), which counts towards NATS's
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

// ids returns the prefix of the ids of messages, which end with their serial numbers.
func (o *Outbox) ids() string { return o.options.Acks[len(wire.LiveRoot):] }

// Drop gives the connection up, because of a problem, and asks for another.
func (o *Outbox) Drop(problem error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop(problem)
}

// drop is called with the lock held.
func (o *Outbox) drop(problem error) {
	if o.conn == nil {
		return
	}
	conn := o.conn
	o.conn, o.problem = nil, problem
	go conn.Close() // it waits for what the connection is doing
	o.options.Trouble()
}

// Pause stops sending until Resume.
func (o *Outbox) Pause() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn != nil {
		go o.conn.Close()
		o.conn = nil
	}
}

// Resume sends all messages again that are not acknowledged, in order, and then new ones.
// progressed is closed when the stream has answered one of them, or if there are none.
func (o *Outbox) Resume() (progressed <-chan struct{}, err error) {
	conn, err := nats.Connect(strings.Join(o.options.URLs, ","), append(slices.Clip(o.options.NATS), nats.ClosedHandler(o.lost))...)
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
	o.progressed = make(chan struct{})
	progressed = o.progressed
	if len(o.messages) == 0 {
		o.signalProgress()
	}
	o.ready, o.blocked = nil, nil
	for _, m := range o.messages {
		m.leads = false
		if !m.state.isFinal() {
			m.state = pending
		}
	}
	o.rejectOvertaken()
	for _, m := range o.messages {
		if !m.state.isFinal() {
			o.enqueue(m)
		}
	}
	o.sendReady()
	return progressed, nil
}

// signalProgress reports that the stream accepts messages. The lock is held.
func (o *Outbox) signalProgress() {
	if o.progressed != nil {
		close(o.progressed)
		o.progressed = nil
	}
}

// Problem returns why nothing is being sent; nil if it is.
func (o *Outbox) Problem() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.problem
}

// lost is called at the end of a connection.
func (o *Outbox) lost(conn *nats.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == conn {
		o.drop(nats.ErrConnectionClosed)
	}
}

// Check asks for help if the oldest message has been in flight for too long. A long queue may take
// longer, as long as it makes progress.
func (o *Outbox) Check(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil || len(o.messages) == 0 {
		return
	}
	// The first message was sent before all others, unless it has an outcome and is only not
	// removed yet.
	m := o.messages[0]
	if m.state == sent && now.Sub(m.sentAt) > ackTimeout && now.Sub(o.answeredAt) > ackTimeout {
		o.drop(errNoAck)
	}
}

// Waiting returns the number of messages that are not acknowledged.
func (o *Outbox) Waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages)
}

// WaitingBytes returns the length of their data.
func (o *Outbox) WaitingBytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// Close ends the connection, and accepts nothing more. Messages that are not acknowledged are left
// to Abandon.
func (o *Outbox) Close() {
	o.mu.Lock()
	conn := o.conn
	o.conn, o.closed = nil, true
	o.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}
