// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Codes of JetStream's errors (nats-server, server/errors.json).
const (
	codeWrongLastSequence         = 10071
	codeWrongLastSequenceConstant = 10164
	codeMessageTooLarge           = 10054
	// codeAccountFull comes as a bad request, and goes when there is room again.
	codeAccountFull = 10002
	codeBadRequest  = 400
)

// receive takes an acknowledgement, and returns the number of the message that is stored, 0 if none is. duplicate: it was stored when it was
// sent before. It runs in dispatch.
func (o *outbox) receive(msg *nats.Msg) (number uint64, duplicate bool, e *entry, err error) {
	digits, epoch, _ := strings.Cut(msg.Subject[len(o.acks):], "-")
	serial, parseErr := strconv.ParseUint(digits, 10, 64)
	if !o.isEpoch(epoch) {
		return 0, false, nil, nil // of a log that is lost
	}
	ack, ackErr := decodePubAck(msg.Data)
	if parseErr != nil || ackErr != nil {
		// A status without a body: no stream listens. A resume tries again.
		o.mu.Lock()
		defer o.mu.Unlock()
		o.drop(errNoStream)
		return 0, false, nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e = o.find(serial)
	if e == nil || e.state.isFinal() {
		return 0, false, nil, nil // sent twice, acknowledged twice
	}
	if ack.Error == nil {
		o.answered(e, stored)
		return ack.Sequence, ack.Duplicate, e, nil
	}
	code := ack.Error.ErrCode
	switch {
	case isWrongSequence(code):
		err = errWrongSequence
	case code == codeMessageTooLarge:
		err = fmt.Errorf("%w: JetStream answers %s (%d)", errTooLargeForLog, ack.Error.Description, code)
	case ack.Error.Code == codeBadRequest && code != codeAccountFull:
		err = fmt.Errorf("JetStream refuses it: %s (%d)", ack.Error.Description, code)
	default:
		o.postpone(e)
		o.drop(fmt.Errorf("JetStream cannot: %s (%d)", ack.Error.Description, code)) // it may be able to later
		return 0, false, nil, nil
	}
	o.answered(e, rejected)
	return 0, false, e, err
}

// answered finishes an entry of which the log has told something. The lock is held.
func (o *outbox) answered(e *entry, state entryState) {
	o.finish(e, state)
	o.progress = time.Now()
	o.flow()
}

func isWrongSequence(code int) bool {
	return code == codeWrongLastSequence || code == codeWrongLastSequenceConstant
}

// recognize is told that the log has a message of that id. If it is one of ours its acknowledgement may have got lost; and to send it
// again is safe only as long as JetStream remembers the id.
func (o *outbox) recognize(id string, number uint64) {
	serial, ours := strings.CutPrefix(id, o.ids())
	if !ours {
		return
	}
	n, err := strconv.ParseUint(serial, 10, 64)
	if err != nil {
		return // not ours: somebody makes a joke
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.find(n); e != nil {
		e.number = number
	}
}

// recognized takes what was recognized for acknowledged, and returns it. It runs in dispatch.
func (o *outbox) recognized() []*entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []*entry
	for _, e := range o.entries {
		if e.number != 0 && !e.state.isFinal() {
			o.answered(e, stored)
			found = append(found, e)
		}
	}
	return found
}

func (o *outbox) isEpoch(digits string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return digits == strconv.FormatUint(o.epoch, 10)
}

// find is called with the lock held.
func (o *outbox) find(serial uint64) *entry {
	if len(o.entries) == 0 || serial < o.entries[0].serial || serial > o.last {
		return nil
	}
	return o.entries[serial-o.entries[0].serial]
}

// advance forgets what has an outcome, and sends what may follow. It returns what the outbox has
// rejected, whose done is to be called, and then what is to be called without an error.
func (o *outbox) advance() (refused []*entry, after []func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	refused, o.refused = o.refused, nil
	for len(o.entries) > 0 && o.entries[0].state.isFinal() {
		e := o.entries[0]
		o.entries[0] = nil
		o.entries = o.entries[1:]
		o.bytes -= len(e.data)
		after = append(after, e.after...)
	}
	if len(o.entries) == 0 {
		o.flow()
	}
	o.relax()
	o.fill()
	return refused, after
}

// abandon finishes all that is left when nothing is sent or acknowledged any more. It returns those
// whose done is to be called, and then what is to be called with an error.
func (o *outbox) abandon() (unstored []*entry, after []func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	unstored, o.refused = o.refused, nil
	for _, e := range o.entries {
		if !e.state.isFinal() {
			e.state, e.err = abandoned, errLeaving
			unstored = append(unstored, e)
		}
		after = append(after, e.after...)
	}
	o.entries, o.ready, o.behind, o.bytes, o.ended = nil, nil, nil, 0, true
	return unstored, after
}
