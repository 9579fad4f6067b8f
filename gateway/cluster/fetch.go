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

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// fetchBatch and fetchBatchBytes bound one answer of the stream, below what NATS lets wait for a client.
	fetchBatch      = 512
	fetchBatchBytes = 4 << 20
	// replicaPause is how long a server that is behind is given.
	replicaPause = 20 * time.Millisecond
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
}

// maxNumber is beyond all numbers of the log.
const maxNumber = math.MaxUint64

// fetch reads the messages of a subject, which may have wildcards, from one number up to another, both included, in order. Any server that
// keeps the stream may answer, and one that is not the leader may be behind: so the leader is asked first how far there is to read.
func (l *eventLog) fetch(ctx context.Context, subject string, from, to uint64, each func(storedMessage) error) error {
	for from <= to {
		last, err := l.latest(ctx, subject)
		if errors.Is(err, errNotFound) || err == nil && last.number < from {
			return nil
		}
		if err != nil {
			return err
		}
		target := last.number
		if target > to {
			target = to + 1 // whoever has that has all before it
		}
		next, err := l.fetchTo(ctx, subject, from, to, target, each)
		if err != nil || next > target {
			return err
		}
		from = next
		select {
		case <-time.After(replicaPause):
		case <-ctx.Done():
			return fmt.Errorf("read the log up to %d: a server that keeps it has not more than %d: %w", target, from-1, ctx.Err())
		}
	}
	return nil
}

// fetchTo reads as far as the servers that answer have the stream, or up to a target. It returns from where there is more to read.
func (l *eventLog) fetchTo(ctx context.Context, subject string, from, to, target uint64, each func(storedMessage) error) (next uint64, err error) {
	for {
		last, pending, err := l.fetchPage(ctx, subject, from, to, each)
		if err != nil {
			return from, err
		}
		from = max(from, last+1)
		if from > target || pending == 0 {
			return from, nil
		}
	}
}

// fetchPage reads as much as one answer holds.
func (l *eventLog) fetchPage(ctx context.Context, subject string, from, to uint64, each func(storedMessage) error) (last uint64, pending int, err error) {
	nc := l.cluster.nc
	inbox := nc.NewRespInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return 0, 0, fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }() // fails only when the connection is closed
	request, err := json.Marshal(directGet{Sequence: from, Next: subject, Batch: fetchBatch, MaxBytes: fetchBatchBytes})
	if err != nil {
		return 0, 0, fmt.Errorf("encode a request: %w", err)
	}
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+l.stream, inbox, request); err != nil {
		return 0, 0, fmt.Errorf("read the log: %w", err)
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("read the log from %d: %w", from, err)
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
		case statusNotFound:
			return last, 0, nil
		case statusEnd:
			pending, err := strconv.Atoi(msg.Header.Get("Nats-Num-Pending"))
			if err != nil {
				return 0, 0, fmt.Errorf("read the log: %w", err)
			}
			return last, pending, nil
		default:
			return 0, 0, fmt.Errorf("read the log from %d: JetStream answers %s %s", from, status, msg.Header.Get("Description"))
		}
		last = sequenceOf(msg, jetstream.SequenceHeader)
		if last > to {
			return last, 0, nil
		}
		if err := each(storedMessage{last, msg.Header.Get(jetstream.SubjectHeader), msg.Data, timeOf(msg)}); err != nil {
			return 0, 0, err
		}
	}
}
