// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// outboxMessages and outboxBytes bound what waits to be stored.
	outboxMessages = 65536
	outboxBytes    = 64 << 20
	// outboxWindow is how many messages may be on their way at once; the server drops what is beyond 10,000.
	outboxWindow = 4096
	// ackTimeout is how long the oldest message may be on its way before all are sent again.
	ackTimeout = 3 * time.Second
)

// Codes of JetStream's errors (nats-server, server/errors.json).
const (
	codeWrongLastSequence         = 10071
	codeWrongLastSequenceConstant = 10164
	codeBadRequest                = 400
)

var (
	errOutboxFull = errors.New("too much waits to be stored")
	// errWrongSequence: another has written to the subject since.
	errWrongSequence = errors.New("the subject has a newer message")
)

// entry is a message to be stored.
type entry struct {
	subject string
	header  nats.Header
	data    []byte
	// done is called once, in dispatch: with the message's number, or the reason why it is not stored and never will be.
	done func(number uint64, err error)

	serial uint64
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
}

func newOutbox(acks string, urls []string, options []nats.Option, trouble func()) *outbox {
	return &outbox{acks: acks, urls: strings.Join(urls, ","), options: options, trouble: trouble}
}

// push takes a message, and sends it if it can. It fails if too much waits.
func (o *outbox) push(e *entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn != nil && int64(len(e.data)) > o.conn.MaxPayload() {
		return nats.ErrMaxPayload
	}
	if len(o.entries) >= outboxMessages || o.bytes+len(e.data) > outboxBytes {
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

// settleEntry says that an entry needs nothing any more. The lock is held.
func (o *outbox) settleEntry(e *entry) {
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
			o.settleEntry(e)
			go e.done(0, err)
		case err != nil:
			o.drop()
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
	msg.Header.Set(nats.MsgIdHdr, o.acks[len(liveRoot):]+serial)
	return o.conn.PublishMsg(msg)
}

// drop gives the connection up, and asks for another. The lock is held.
func (o *outbox) drop() {
	if o.conn == nil {
		return
	}
	conn := o.conn
	o.conn = nil
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

// resume sends all again that is not acknowledged, in order, and then what comes.
func (o *outbox) resume() error {
	conn, err := nats.Connect(o.urls, append(o.options[:len(o.options):len(o.options)], nats.ClosedHandler(o.lost))...)
	if err != nil {
		return fmt.Errorf("connect to NATS to store events: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		conn.Close()
		return nats.ErrConnectionClosed
	}
	o.conn, o.sent, o.ready, o.behind = conn, 0, nil, nil
	for _, e := range o.entries {
		if !e.acked {
			e.sentAt = time.Time{}
			o.line(e)
		}
	}
	o.fill()
	return nil
}

// lost is told of the end of a connection.
func (o *outbox) lost(conn *nats.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == conn {
		o.drop()
	}
}

// check asks for help if the oldest message has been on its way for too long.
func (o *outbox) check(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil || len(o.entries) == 0 {
		return
	}
	// The first has been sent before all others, unless it is there already and only not taken out.
	if e := o.entries[0]; !e.acked && !e.sentAt.IsZero() && now.Sub(e.sentAt) > ackTimeout {
		o.drop()
	}
}

// pubAck is JetStream's answer to a message.
type pubAck struct {
	Sequence  uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate"`
	Error     *struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// receive takes an acknowledgement, and returns the number of the message that is stored, 0 if none is. duplicate: it was stored when it was
// sent before. It runs in dispatch.
func (o *outbox) receive(msg *nats.Msg) (number uint64, duplicate bool, e *entry, err error) {
	serial, parseErr := strconv.ParseUint(msg.Subject[len(o.acks):], 10, 64)
	var ack pubAck
	if parseErr != nil || json.Unmarshal(msg.Data, &ack) != nil {
		// A status without a body: no stream listens. A resume tries again.
		o.mu.Lock()
		defer o.mu.Unlock()
		o.drop()
		return 0, false, nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e = o.find(serial)
	if e == nil || e.acked {
		return 0, false, nil, nil // sent twice, acknowledged twice
	}
	if ack.Error == nil {
		o.arrived(e)
		return ack.Sequence, ack.Duplicate, e, nil
	}
	code := ack.Error.ErrCode
	switch {
	case code == codeWrongLastSequence || code == codeWrongLastSequenceConstant:
		err = errWrongSequence
	case ack.Error.Code == codeBadRequest:
		err = fmt.Errorf("JetStream refuses it: %s (%d)", ack.Error.Description, code)
	default:
		o.drop() // it may be better when it is sent again
		return 0, false, nil, nil
	}
	o.arrived(e)
	return 0, false, e, err
}

// arrived is called with the lock held.
func (o *outbox) arrived(e *entry) {
	if !e.sentAt.IsZero() { // else it was sent before the last resume
		o.sent = max(0, o.sent-1)
	}
	o.settleEntry(e)
}

// find is called with the lock held.
func (o *outbox) find(serial uint64) *entry {
	if len(o.entries) == 0 || serial < o.entries[0].serial || serial > o.last {
		return nil
	}
	return o.entries[serial-o.entries[0].serial]
}

// advance forgets what has been acknowledged, sends what may follow, and returns what is to be called.
func (o *outbox) advance() []func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	var after []func()
	for len(o.entries) > 0 && o.entries[0].acked {
		e := o.entries[0]
		o.entries[0] = nil
		o.entries = o.entries[1:]
		o.bytes -= len(e.data)
		after = append(after, e.after...)
	}
	o.fill()
	return after
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
