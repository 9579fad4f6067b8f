// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// The codes of JetStream's errors (nats-server, server/errors.json).
const (
	codeWrongLastSequence         = 10071
	codeWrongLastSequenceConstant = 10164
	codeMessageTooLarge           = 10054
	// codeAccountFull comes as a bad request, and ends when there is room again.
	codeAccountFull = 10002
	codeBadRequest  = 400
)

// Ack is JetStream's answer to a message.
type Ack struct {
	// Message is the message that it answers. Its Done is to be called.
	Message *Message
	// Sequence is the sequence of the stored message, 0 if it is not stored and never will be. Then
	// Err says why.
	Sequence uint64
	Err      error
	// Duplicate: the message was stored when it was sent before.
	Duplicate bool
}

// Acknowledged handles a message whose subject begins with Options.Acks. It returns false if it has
// no new or no final outcome.
func (o *Outbox) Acknowledged(msg *nats.Msg) (Ack, bool) {
	digits, epoch, _ := strings.Cut(msg.Subject[len(o.options.Acks):], "-")
	serial, parseErr := strconv.ParseUint(digits, 10, 64)
	if !o.isEpoch(epoch) {
		return Ack{}, false // of a lost log incarnation
	}
	ack, ackErr := decodePubAck(msg.Data)
	if parseErr != nil || ackErr != nil {
		// A status without a body means that no stream listens. Resume tries again.
		o.mu.Lock()
		defer o.mu.Unlock()
		o.drop(errNoStream)
		return Ack{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.find(serial)
	if m == nil || m.state.isFinal() {
		return Ack{}, false // sent twice, acknowledged twice
	}
	if ack.Error == nil {
		o.answered(m, stored)
		return Ack{Message: m, Sequence: ack.Sequence, Duplicate: ack.Duplicate}, true
	}
	var err error
	switch code := ack.Error.ErrCode; {
	case IsWrongSequence(code):
		err = ErrWrongSequence
	case code == codeMessageTooLarge:
		err = fmt.Errorf("%w: JetStream answers %s (%d)", ErrTooLarge, ack.Error.Description, code)
	case ack.Error.Code == codeBadRequest && code != codeAccountFull:
		err = fmt.Errorf("JetStream refuses it: %s (%d)", ack.Error.Description, code)
	default:
		o.postpone(m)
		o.drop(fmt.Errorf("JetStream cannot: %s (%d)", ack.Error.Description, code)) // it may be able to later
		return Ack{}, false
	}
	o.answered(m, rejected)
	return Ack{Message: m, Err: err}, true
}

// answered finishes a message that the stream has answered. The lock is held.
func (o *Outbox) answered(m *Message, state state) {
	o.finish(m, state)
	o.answeredAt = time.Now()
	o.signalProgress()
}

// IsWrongSequence reports whether a code of JetStream stands for ErrWrongSequence.
func IsWrongSequence(code int) bool {
	return code == codeWrongLastSequence || code == codeWrongLastSequenceConstant
}

// Recognize is called for a message in the stream, with its id. If it is one of the outbox, its
// acknowledgement may have been lost; and sending it again is safe only as long as JetStream
// remembers the id.
func (o *Outbox) Recognize(id string, sequence uint64) {
	serial, ours := strings.CutPrefix(id, o.ids())
	if !ours {
		return
	}
	n, err := strconv.ParseUint(serial, 10, 64)
	if err != nil {
		return // an id of this form that the outbox has not issued
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if m := o.find(n); m != nil {
		m.Sequence = sequence
	}
}

// TakeRecognized treats recognized messages as acknowledged, and returns them.
func (o *Outbox) TakeRecognized() []*Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []*Message
	for _, m := range o.messages {
		if m.Sequence != 0 && !m.state.isFinal() {
			o.answered(m, stored)
			found = append(found, m)
		}
	}
	return found
}

func (o *Outbox) isEpoch(digits string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return digits == strconv.FormatUint(o.epoch, 10)
}

// find is called with the lock held.
func (o *Outbox) find(serial uint64) *Message {
	if len(o.messages) == 0 || serial < o.messages[0].serial || serial > o.last {
		return nil
	}
	return o.messages[serial-o.messages[0].serial]
}

// Advance removes messages with an outcome, and sends those that may follow. It returns the
// messages that the outbox has rejected, whose Done is to be called, and then the functions to be
// called without an error.
func (o *Outbox) Advance() (refused []*Message, after []func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	refused, o.refused = o.refused, nil
	for len(o.messages) > 0 && o.messages[0].state.isFinal() {
		m := o.messages[0]
		o.messages[0] = nil
		o.messages = o.messages[1:]
		o.bytes -= len(m.Data)
		after = append(after, m.after...)
	}
	if len(o.messages) == 0 {
		o.signalProgress()
	}
	o.relax()
	o.sendReady()
	return refused, after
}

// Abandon finishes all remaining messages when nothing is sent or acknowledged any more. It returns
// those whose Done is to be called, and then the functions to be called with an error.
func (o *Outbox) Abandon() (unstored []*Message, after []func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	unstored, o.refused = o.refused, nil
	for _, m := range o.messages {
		if !m.state.isFinal() {
			m.state, m.Err = abandoned, ErrClosed
			unstored = append(unstored, m)
		}
		after = append(after, m.after...)
	}
	o.messages, o.ready, o.blocked, o.bytes, o.ended = nil, nil, nil, 0, true
	return unstored, after
}
