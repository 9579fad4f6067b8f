// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

const (
	// fetchBatch and fetchBatchBytes bound one answer of the stream, below what NATS allows to wait
	// for a client.
	fetchBatch      = 512
	fetchBatchBytes = 4 << 20
	// AnswersQueue is how many messages of one answer may wait to be read: a batch and its end. By
	// default the client library allocates space for 65,536 messages, which is 512 KiB, for as long
	// as it waits for an answer.
	AnswersQueue = fetchBatch + 1
)

// The status codes of answers to a direct get (NATS ADR-31).
const (
	statusEnd      = "204"
	statusNotFound = "404"
)

// directGet is a request for messages of a stream (NATS ADR-31).
type directGet struct {
	Sequence uint64 `json:"seq,omitempty"`
	Next     string `json:"next_by_subj,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	MaxBytes int    `json:"max_bytes,omitempty"`
}

// Message is a message in the form in which the stream has it.
type Message struct {
	Sequence uint64
	Subject  string
	Data     []byte
	Time     time.Time
	// ID is the id that its publisher has given it.
	ID string
	// Trace is the distributed trace of the event; nil for most.
	Trace *trace.Parent
}

// errIncomplete: a message of an answer did not arrive.
var errIncomplete = errors.New("a part of JetStream's answer is missing")

// End is greater than all sequences of the log.
const End = math.MaxUint64

// Fetch reads the messages of one subject from one sequence to another, both included, in order. It
// returns ErrTrimmed if the log may have dropped some of them, since it keeps a limited number of
// messages of a subject; each may have been called for some by then.
//
// It reads by direct gets, which any replica answers, even one that does not have the last messages
// yet. So if an answer has less than was requested, the leader of the stream is asked for more.
func (l *Log) Fetch(ctx context.Context, subject string, from, to uint64, each func(Message) error) error {
	r := reading{log: l, subject: subject, from: from, to: to, each: each, verified: true}
	return r.run(ctx)
}

// Scan is Fetch for a subject that may have wildcards, for callers that verify themselves that
// nothing was dropped.
func (l *Log) Scan(ctx context.Context, subject string, from, to uint64, each func(Message) error) error {
	r := reading{log: l, subject: subject, from: from, to: to, each: each}
	return r.run(ctx)
}

// reading is one pass over a part of the log. It is for one goroutine.
type reading struct {
	log     *Log
	subject string
	// from is the next sequence to read, and to is the last.
	from, to uint64
	each     func(Message) error
	// verified reports whether each page is checked for messages that the log has dropped.
	verified bool
}

func (r *reading) run(ctx context.Context) error {
	for r.from <= r.to {
		p, err := r.page(ctx)
		if err != nil {
			return err
		}
		if r.verified && p.sent+p.pending >= r.log.Suspicious() {
			if err := r.log.verifyReach(ctx, r.subject, p.sent+p.pending); err != nil {
				return err
			}
		}
		r.from = max(r.from, p.last+1)
		switch {
		case p.pending > 0:
			continue
		case r.from > r.to || r.log.config.Replicas <= 1:
			return nil
		}
		if more, err := r.next(ctx); err != nil || !more {
			return err
		}
	}
	return nil
}

// next reads one message from the leader; more is false if the leader has none.
func (r *reading) next(ctx context.Context) (more bool, err error) {
	next, err := r.log.getFromLeader(ctx, messageGet{Sequence: r.from, Next: r.subject})
	if errors.Is(err, ErrNotFound) {
		return false, nil // if messages had been dropped, newer ones would be there
	}
	if err != nil {
		return false, err
	}
	if r.verified && next.Sequence > r.from {
		if err := r.log.verifyLeader(ctx, r.subject, r.from, next.Sequence); err != nil {
			return false, err
		}
	}
	if next.Sequence > r.to {
		return false, nil
	}
	if err := r.each(next); err != nil {
		return false, err
	}
	r.from = next.Sequence + 1
	return true, nil
}

// page describes one answer, without its messages.
type page struct {
	// last is the sequence of its last message.
	last uint64
	// sent is the number of its messages, and pending the number of those that follow them.
	sent, pending int
}

// page reads one answer to its end, and passes on the messages up to the end of the reading.
func (r *reading) page(ctx context.Context) (p page, err error) {
	nc := r.log.host.NATS()
	inbox := nc.NewRespInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return p, fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }() // fails only when the connection is closed
	request, err := json.Marshal(directGet{Sequence: r.from, Next: r.subject, Batch: fetchBatch, MaxBytes: fetchBatchBytes})
	if err != nil {
		return p, fmt.Errorf("encode a request: %w", err)
	}
	if err := r.log.host.PublishRequest(ctx, "$JS.API.DIRECT.GET."+r.log.stream, inbox, request); err != nil {
		return p, fmt.Errorf("read the log: %w", err)
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return p, fmt.Errorf("read the log from %d: %w", r.from, err)
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
		case statusNotFound:
			return p, nil
		case statusEnd:
			p.pending, err = strconv.Atoi(msg.Header.Get("Nats-Num-Pending"))
			if err == nil && sequenceOf(msg, "Nats-Last-Sequence") != p.last {
				err = errIncomplete
			}
			if err != nil {
				return p, fmt.Errorf("read the log from %d: %w", r.from, err)
			}
			return p, nil
		default:
			return p, fmt.Errorf("read the log from %d: JetStream answers %s %s", r.from, status, msg.Header.Get("Description"))
		}
		if sequenceOf(msg, "Nats-Last-Sequence") != p.last {
			return p, fmt.Errorf("read the log from %d: %w", r.from, errIncomplete)
		}
		p.last = sequenceOf(msg, jetstream.SequenceHeader)
		p.sent++
		if p.last > r.to {
			continue // the end of the answer says how many follow
		}
		m := Message{p.last, msg.Header.Get(jetstream.SubjectHeader), msg.Data, timeOf(msg), idOf(msg), wire.TraceOf(msg.Header)}
		if err := r.each(m); err != nil {
			return p, err
		}
	}
}
