// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// leaderTimeout is how long the stream's leader may take to answer. While there is none nobody does, and it is asked again.
const leaderTimeout = time.Second

// codeNoMessage is JetStream's for a subject without a message (nats-server, server/errors.json).
const codeNoMessage = 10037

var errNotFound = errors.New("not found")

// messageGet asks the stream's leader for a message: the last of a subject, or the next from a number on.
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

// latest is the last message of a subject; errNotFound if there is none.
func (l *eventLog) latest(ctx context.Context, subject string) (storedMessage, error) {
	return l.getFromLeader(ctx, messageGet{Last: subject})
}

// getFromLeader gets a message; errNotFound if there is none. The leader alone answers: others may not have yet what has been acknowledged to
// a gateway.
func (l *eventLog) getFromLeader(ctx context.Context, get messageGet) (storedMessage, error) {
	request, err := json.Marshal(get)
	if err != nil {
		return storedMessage{}, fmt.Errorf("encode a request: %w", err)
	}
	for {
		stored, err := l.askLeader(ctx, request)
		if err == nil || errors.Is(err, errNotFound) || ctx.Err() != nil {
			return stored, err
		}
		select {
		case <-time.After(rereadPause):
		case <-ctx.Done():
			return storedMessage{}, err
		case <-l.cluster.stop:
			return storedMessage{}, err
		}
	}
}

func (l *eventLog) askLeader(ctx context.Context, request []byte) (storedMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, leaderTimeout)
	defer cancel()
	msg, err := l.cluster.request(ctx, "$JS.API.STREAM.MSG.GET."+l.stream, request)
	if err != nil {
		return storedMessage{}, fmt.Errorf("ask the log's leader: %w", err)
	}
	var got messageGot
	if err := json.Unmarshal(msg.Data, &got); err != nil {
		return storedMessage{}, fmt.Errorf("read the answer of the log's leader: %w", err)
	}
	switch {
	case got.Error == nil:
		m := got.Message
		id := ""
		if len(m.Header) > 0 {
			header, err := nats.DecodeHeadersMsg(m.Header)
			if err != nil {
				return storedMessage{}, fmt.Errorf("read the answer of the log's leader: %w", err)
			}
			id = header.Get(nats.MsgIdHdr)
		}
		return storedMessage{m.Sequence, m.Subject, m.Data, m.Time, id}, nil
	case got.Error.ErrCode == codeNoMessage:
		return storedMessage{}, errNotFound
	}
	return storedMessage{}, fmt.Errorf("ask the log's leader: %s (%d)", got.Error.Description, got.Error.ErrCode)
}
