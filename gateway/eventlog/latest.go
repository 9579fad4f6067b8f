// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// rereadPause is the pause between two attempts to ask the leader.
const rereadPause = 20 * time.Millisecond

// leaderTimeout bounds the wait for the stream's leader. While there is no leader there is no
// answer, and the request is repeated.
const leaderTimeout = time.Second

// codeNoMessage is JetStream's error code for a subject without a message (nats-server,
// server/errors.json).
const codeNoMessage = 10037

// ErrNotFound is returned if the log has no such message.
var ErrNotFound = errors.New("not found")

// messageGet is a request to the stream's leader for a message: the last of a subject, or the next
// from a sequence on.
type messageGet struct {
	Sequence uint64 `json:"seq,omitempty"`
	Next     string `json:"next_by_subj,omitempty"`
	Last     string `json:"last_by_subj,omitempty"`
}

// messageGot is the answer.
type messageGot struct {
	Message struct {
		Subject  string    `json:"subject"`
		Sequence uint64    `json:"seq"`
		Data     []byte    `json:"data"`
		Header   []byte    `json:"hdrs"`
		Time     time.Time `json:"time"`
	} `json:"message"`
	Error *struct {
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// Latest returns the last message of a subject from the stream's leader; ErrNotFound if there is
// none.
func (l *Log) Latest(ctx context.Context, subject string) (Message, error) {
	return l.getFromLeader(ctx, messageGet{Last: subject})
}

// Next returns the first message of a subject from a sequence on, from the stream's leader;
// ErrNotFound if there is none.
func (l *Log) Next(ctx context.Context, subject string, from uint64) (Message, error) {
	return l.getFromLeader(ctx, messageGet{Sequence: from, Next: subject})
}

// getFromLeader gets a message; ErrNotFound if there is none. Only the leader is asked: other
// replicas may not have yet what has been acknowledged to a gateway.
func (l *Log) getFromLeader(ctx context.Context, get messageGet) (Message, error) {
	request, err := json.Marshal(get)
	if err != nil {
		return Message{}, fmt.Errorf("encode a request: %w", err)
	}
	for {
		stored, err := l.askLeader(ctx, request)
		if err == nil || errors.Is(err, ErrNotFound) || ctx.Err() != nil {
			return stored, err
		}
		select {
		case <-time.After(rereadPause):
		case <-ctx.Done():
			return Message{}, err
		case <-l.stop:
			return Message{}, err
		}
	}
}

func (l *Log) askLeader(ctx context.Context, request []byte) (Message, error) {
	ctx, cancel := context.WithTimeout(ctx, leaderTimeout)
	defer cancel()
	msg, err := l.host.Request(ctx, "$JS.API.STREAM.MSG.GET."+l.stream, request)
	if err != nil {
		return Message{}, fmt.Errorf("ask the log's leader: %w", err)
	}
	var got messageGot
	if err := json.Unmarshal(msg.Data, &got); err != nil {
		return Message{}, fmt.Errorf("read the answer of the log's leader: %w", err)
	}
	switch {
	case got.Error == nil:
		m := got.Message
		var header nats.Header
		if len(m.Header) > 0 {
			if header, err = nats.DecodeHeadersMsg(m.Header); err != nil {
				return Message{}, fmt.Errorf("read the answer of the log's leader: %w", err)
			}
		}
		return Message{m.Sequence, m.Subject, m.Data, m.Time, header.Get(nats.MsgIdHdr), wire.TraceOf(header)}, nil
	case got.Error.ErrCode == codeNoMessage:
		return Message{}, ErrNotFound
	}
	return Message{}, fmt.Errorf("ask the log's leader: %s (%d)", got.Error.Description, got.Error.ErrCode)
}

// multiLast is a request for the last messages of subjects (NATS ADR-31).
type multiLast struct {
	Subjects []string `json:"multi_last"`
	Batch    int      `json:"batch"`
}

// LatestOf reads the last messages of subjects, as far as the answering replica has them.
func (l *Log) LatestOf(ctx context.Context, subjects []string, each func(Message)) error {
	request, err := json.Marshal(multiLast{subjects, len(subjects)})
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	nc := l.host.NATS()
	inbox := nc.NewRespInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }() // fails only when the connection is closed
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+l.stream, inbox, request); err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return fmt.Errorf("read the last messages: %w", err)
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			each(Message{
				Sequence: sequenceOf(msg, jetstream.SequenceHeader), Subject: msg.Header.Get(jetstream.SubjectHeader),
				Data: msg.Data, Time: timeOf(msg),
			})
		case statusEnd, statusNotFound:
			return nil
		default:
			return fmt.Errorf("read the last messages: JetStream answers %s %s", status, msg.Header.Get("Description"))
		}
	}
}
