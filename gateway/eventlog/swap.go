// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
)

// ErrSwapped is returned by Swap if somebody else has stored a message in between.
var ErrSwapped = errors.New("another message has been stored in between")

// Swap replaces what is stored on a subject of the log that has no events, if its last message is
// still the one with that sequence; 0: if there is none. It returns the sequence of the new one,
// which is kept for Keeps. After any other error than ErrSwapped it may be stored or not.
func (l *Log) Swap(ctx context.Context, subject string, data []byte, since uint64) (uint64, error) {
	js, err := jetstream.New(l.host.NATS())
	if err != nil {
		return 0, fmt.Errorf("use JetStream: %w", err)
	}
	header := l.Header(0)
	header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	ack, err := js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: header, Data: data}, jetstream.WithExpectLastSequencePerSubject(since))
	var refused *jetstream.APIError
	switch {
	case errors.As(err, &refused) && outbox.IsWrongSequence(int(refused.ErrorCode)):
		return 0, ErrSwapped
	case err != nil:
		return 0, fmt.Errorf("store on %s: %w", subject, err)
	}
	return ack.Sequence, nil
}

// Keeps returns how long a message without events is kept.
func (l *Log) Keeps() time.Duration { return l.retention() }
