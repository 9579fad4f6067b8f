// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// fetchBatch and fetchBatchBytes bound one answer of the stream, below what NATS lets wait for a client.
	fetchBatch      = 512
	fetchBatchBytes = 4 << 20
)

// Status codes of answers to a direct get (NATS ADR-31).
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

// storedMessage is a message as the stream has it.
type storedMessage struct {
	number  uint64
	subject string
	data    []byte
	time    time.Time
	// id is what its publisher has given it.
	id string
}

// maxNumber is beyond all numbers of the log.
const maxNumber = math.MaxUint64

// fetch reads the messages of a subject, which may have wildcards, from one number up to another, both included, in order.
//
// It reads by direct gets, which any replica answers, also one that has not got the last messages yet. So where an answer has less than
// was asked for, the stream's leader is asked for more.
func (l *eventLog) fetch(ctx context.Context, subject string, from, to uint64, each func(storedMessage) error) error {
	for from <= to {
		p, err := l.fetchPage(ctx, subject, from, to, each)
		if err != nil {
			return err
		}
		from = max(from, p.last+1)
		switch {
		case p.pending > 0:
			continue
		case from > to || p.upTo >= to || l.recovery.Replicas <= 1:
			return nil
		}
		next, err := l.getFromLeader(ctx, messageGet{Sequence: from, Next: subject})
		if errors.Is(err, errNotFound) || err == nil && next.number > to {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(next); err != nil {
			return err
		}
		from = next.number + 1
	}
	return nil
}

// page is what one answer tells, beside its messages.
type page struct {
	// last is the number of its last message, pending how many follow it, upTo that of the last message that the replica knew of, if it
	// has told.
	last, upTo uint64
	pending    int
}

// fetchPage reads as much as one answer holds.
func (l *eventLog) fetchPage(ctx context.Context, subject string, from, to uint64, each func(storedMessage) error) (p page, err error) {
	nc := l.cluster.nc
	inbox := nc.NewRespInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return p, fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }() // fails only when the connection is closed
	request, err := json.Marshal(directGet{Sequence: from, Next: subject, Batch: fetchBatch, MaxBytes: fetchBatchBytes})
	if err != nil {
		return p, fmt.Errorf("encode a request: %w", err)
	}
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+l.stream, inbox, request); err != nil {
		return p, fmt.Errorf("read the log: %w", err)
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return p, fmt.Errorf("read the log from %d: %w", from, err)
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
		case statusNotFound:
			return p, nil
		case statusEnd:
			p.pending, err = strconv.Atoi(msg.Header.Get("Nats-Num-Pending"))
			if err != nil {
				return p, fmt.Errorf("read the log: %w", err)
			}
			p.upTo = sequenceOf(msg, "Nats-UpTo-Sequence")
			return p, nil
		default:
			return p, fmt.Errorf("read the log from %d: JetStream answers %s %s", from, status, msg.Header.Get("Description"))
		}
		p.last = sequenceOf(msg, jetstream.SequenceHeader)
		if p.last > to {
			return p, nil
		}
		if err := each(storedMessage{p.last, msg.Header.Get(jetstream.SubjectHeader), msg.Data, timeOf(msg), msg.Header.Get(nats.MsgIdHdr)}); err != nil {
			return p, err
		}
	}
}
