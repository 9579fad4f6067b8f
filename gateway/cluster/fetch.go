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

var errNotFound = errors.New("not found")

// directGet is a request for messages of a stream (NATS ADR-31).
type directGet struct {
	Sequence uint64 `json:"seq,omitempty"`
	Next     string `json:"next_by_subj,omitempty"`
	Last     string `json:"last_by_subj,omitempty"`
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

// fetch reads the messages of a subject, which may have wildcards, from one number up to another, both included, in order.
func (l *eventLog) fetch(ctx context.Context, subject string, from, to uint64, each func(storedMessage) error) error {
	for from <= to {
		last, pending, err := l.fetchPage(ctx, subject, from, to, each)
		if err != nil || pending == 0 {
			return err
		}
		from = last + 1
	}
	return nil
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

// latest is the last message of a subject; errNotFound if there is none.
func (l *eventLog) latest(ctx context.Context, subject string) (storedMessage, error) {
	request, err := json.Marshal(directGet{Last: subject})
	if err != nil {
		return storedMessage{}, fmt.Errorf("encode a request: %w", err)
	}
	msg, err := l.cluster.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: "$JS.API.DIRECT.GET." + l.stream, Data: request})
	if err != nil {
		return storedMessage{}, fmt.Errorf("read the log: %w", err)
	}
	switch status := msg.Header.Get("Status"); status {
	case "":
		return storedMessage{sequenceOf(msg, jetstream.SequenceHeader), subject, msg.Data, timeOf(msg)}, nil
	case statusNotFound:
		return storedMessage{}, errNotFound
	default:
		return storedMessage{}, fmt.Errorf("read the log: JetStream answers %s %s", status, msg.Header.Get("Description"))
	}
}
