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
	// MaxMessages and MaxBytes bound the messages that wait to be stored. Those with Reserve may take as much again.
	MaxMessages = 65536
	MaxBytes    = 64 << 20
	// window is how many messages may be on their way at once; the server drops what is beyond 10,000.
	window = 4096
	// ackTimeout is how long the oldest message may be on its way, while none is acknowledged, before all are sent again.
	ackTimeout = 3 * time.Second
)

// Errors of Push, and outcomes of messages.
var (
	// ErrFull: as much waits as may.
	ErrFull = errors.New("too much waits to be stored already: try again later")
	// ErrWrongSequence: the message was to follow another one on its subject, and another has come between.
	ErrWrongSequence = errors.New("the subject has a newer message")
	// ErrTooLarge: the stream takes no message of that size (its max_msg_size).
	ErrTooLarge = errors.New("the message is larger than the log takes")
	// ErrOvertaken: JetStream had no room for the message, but had for a later one of the same subject.
	ErrOvertaken = errors.New("JetStream had no room for it, and has stored a later message of its subject")
	// ErrClosed is the outcome of what was not stored when the gateway ended.
	ErrClosed = errors.New("the gateway ended before it was stored")
)

// Why a connection is given up; see Problem.
var (
	errNoAck    = errors.New("JetStream does not acknowledge what it is sent")
	errNoStream = errors.New("no stream takes what is sent")
)

// Message is a message to be stored.
type Message struct {
	Subject string
	Header  nats.Header
	Data    []byte
	// Reserve lets it wait where others are refused; see MaxMessages.
	Reserve bool
	// LogAs is what the gateway's log calls the message, where its subject must not be named.
	LogAs string
	// Done is for the caller of Acknowledged, TakeRecognized, Advance and Abandon, each of which returns messages of which Done is
	// to be called, once: with the message's sequence in the stream, or the reason why it is not stored and never will be.
	Done func(sequence uint64, err error)
	// Sequence is what the stream has it as, so far as that is known otherwise than by an acknowledgement.
	Sequence uint64
	// Err is why the outbox itself has rejected or abandoned it.
	Err error

	// serial numbers the messages of a gateway.
	serial uint64
	sentAt time.Time
	state  state
	// leads: no other message of its subject may be sent before this one is stored; see SetOneBySubject.
	leads bool
	// postponed: JetStream has answered that it has no room for it now.
	postponed bool
	// after are called when the outcome of this message and of all before it is known: without an
	// error, unless the outbox has ended, so that some of them may not be stored.
	after []func(error)
}

// Options configure an outbox.
type Options struct {
	// Acks begins the subjects of acknowledgements; see wire.ServiceSubjects.
	Acks string
	// URLs of the NATS servers, and what to connect with. The connection must not reconnect by itself.
	URLs []string
	NATS []nats.Option
	// MaxPayload is what the gateway's main connection says of the largest message, for as long as the outbox
	// has had no connection; 0 if it does not know.
	MaxPayload func() int64
	// Trouble asks for Resume, Rejected for Advance. They are called with a lock held, and must neither block nor call the outbox.
	Trouble, Rejected func()
}

// Outbox sends messages to a stream, and again until they are acknowledged, in their order. It has a connection of its own that is
// never mended but replaced: a connection which buffers, and reconnects by itself, would send what was written last
// before what was lost with the old one. Its owner resumes it when it asks for that, and passes on what acknowledges its messages.
// Safe for concurrent use; Abandon ends it.
type Outbox struct {
	options Options

	mu sync.Mutex
	// maxMessages, maxBytes and oneBySubject are as SetBounds and SetOneBySubject say. Guarded by mu.
	maxMessages, maxBytes int
	oneBySubject          bool

	conn *nats.Conn // nil while paused; guarded by mu
	// maxPayload is the size of the largest message, headers included, that NATS carries, as the
	// last connection was told; 0 before there was one. Guarded by mu.
	maxPayload int64
	closed     bool       // nothing is taken or sent any more; guarded by mu
	ended      bool       // what was left has been abandoned; guarded by mu
	messages   []*Message // not acknowledged, oldest first, their serial numbers without a gap; guarded by mu
	refused    []*Message // those that the outbox has rejected and whose Done is still to be called; guarded by mu
	ready      []*Message // those that may be sent, in order; guarded by mu
	sent       int        // how many are on their way; guarded by mu
	bytes      int        // guarded by mu
	last       uint64     // serial number; guarded by mu
	// blocked are those that wait for the one before them on their subject; there is a list, perhaps
	// an empty one, where one leads. Nil unless the outbox is single. Guarded by mu.
	blocked map[string][]*Message
	// tight: JetStream lacks room, and messages with serial numbers up to tightUntil waited then;
	// see postpone. Guarded by mu.
	tight      bool
	tightUntil uint64
	// answeredAt is when something was acknowledged last. Guarded by mu.
	answeredAt time.Time
	// progressed is closed when JetStream answers something after the last Resume, or if nothing waits.
	// Guarded by mu.
	progressed chan struct{}
	// problem is why the last connection was given up; nil while there is one. Guarded by mu.
	problem error
	// epoch counts the logs that were lost; an acknowledgement tells that of its message. Guarded by mu.
	epoch uint64
}

// New makes an outbox that is paused.
func New(o Options) *Outbox {
	return &Outbox{options: o, maxMessages: MaxMessages, maxBytes: MaxBytes}
}

// SetBounds changes how much may wait; see MaxMessages.
func (o *Outbox) SetBounds(messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.maxMessages, o.maxBytes = messages, bytes
}

// MaxMessages is how many messages may wait.
func (o *Outbox) MaxMessages() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.maxMessages
}

// SetOneBySubject lets only one message of a subject be on its way, as the lack of room does for a while. While a replicated stream has
// no leader, what is sent to it is lost message by message, and the first that is not would overtake those that are sent again.
func (o *Outbox) SetOneBySubject(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.oneBySubject = on
}

// Push takes a message, and sends it if it can. Its error says that the message is not taken, so that it has no other outcome: ErrFull,
// nats.ErrMaxPayload if NATS carries no message of that size with its header, or ErrClosed.
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

// limit is the size of the largest message that NATS carries, as far as that is known; otherwise 0.
// The lock is held.
func (o *Outbox) limit() int64 {
	if o.conn != nil {
		o.maxPayload = o.conn.MaxPayload()
	}
	if o.maxPayload == 0 {
		return o.options.MaxPayload()
	}
	return o.maxPayload
}

// enqueue has a message sent in its turn. The lock is held.
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

// finish brings a message to a final state, and the next one of its subject to its turn. The lock is
// held.
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

// reject finishes a message that cannot be sent, whatever happens. The lock is held.
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

// AfterAll calls a function once, when the outcome of all that is there now is known; at once if
// nothing is. What was rejected is told to those who pushed it; the error says that the outbox has
// ended, and that some of it may not be stored.
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

// sendReady sends as much as may be on its way. The lock is held.
func (o *Outbox) sendReady() {
	for o.conn != nil && len(o.ready) > 0 && o.sent < window {
		m := o.ready[0]
		o.ready[0] = nil
		o.ready = o.ready[1:]
		if m.state.isFinal() { // by what was sent before the last Resume
			continue
		}
		switch err := o.send(m); {
		case errors.Is(err, nats.ErrMaxPayload): // NATS carries less than when it was taken, or was not known then
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
	go conn.Close() // which waits for what it is just doing
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

// Resume sends all again that is not acknowledged, in order, and then what comes. What it returns is closed when the stream has taken some
// of it, or if there is nothing.
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

// signalProgress tells those who wait for it that the stream takes messages. The lock is held.
func (o *Outbox) signalProgress() {
	if o.progressed != nil {
		close(o.progressed)
		o.progressed = nil
	}
}

// Problem is why nothing is being sent; nil if it is.
func (o *Outbox) Problem() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.problem
}

// lost is told of the end of a connection.
func (o *Outbox) lost(conn *nats.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == conn {
		o.drop(nats.ErrConnectionClosed)
	}
}

// Check asks for help if the oldest message has been on its way for too long. A long backlog takes longer, and moves.
func (o *Outbox) Check(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil || len(o.messages) == 0 {
		return
	}
	// The first has been sent before all others, unless it is there already and only not taken out.
	m := o.messages[0]
	if m.state == sent && now.Sub(m.sentAt) > ackTimeout && now.Sub(o.answeredAt) > ackTimeout {
		o.drop(errNoAck)
	}
}

// Waiting is the number of messages that are not acknowledged.
func (o *Outbox) Waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages)
}

// WaitingBytes is the length of their data.
func (o *Outbox) WaitingBytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// Close ends the connection, and takes nothing more. What is not acknowledged is left to Abandon.
func (o *Outbox) Close() {
	o.mu.Lock()
	conn := o.conn
	o.conn, o.closed = nil, true
	o.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}
