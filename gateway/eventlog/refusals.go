// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"errors"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
)

// refusals count what is refused because too much waits for an unreachable log. Safe for concurrent
// use.
type refusals struct {
	// refused is the number of refusals since the log was full; 0 while it is not.
	refused atomic.Int64
	// held is the number of functions that Admit has counted.
	held atomic.Int64
}

// Push stores a message. If it is refused it is counted; the first refusal is logged.
func (l *Log) Push(e *outbox.Message) error {
	err := l.out.Push(e)
	switch {
	case errors.Is(err, outbox.ErrFull):
		l.refuse()
	case err != nil:
		l.reject(e, err)
	}
	return err
}

func (l *Log) refuse() {
	l.metrics.Refused.Inc()
	if l.full.refused.Add(1) == 1 {
		l.log.Error("too much waits for the log of events: what clients and programs emit to be recoverable is refused until it is stored",
			"stream", l.stream, "messages", l.out.Waiting())
	}
}

// relieved is called when the log has stored something. It runs in the loop.
func (l *Log) relieved() {
	if l.full.refused.Load() == 0 || l.out.Waiting() > 0 {
		return
	}
	l.log.Info("all that waited for the log of events is stored", "stream", l.stream, "refused", l.full.refused.Swap(0))
}

// Admit counts a function among those that wait for the log, until it is called. It returns false
// if there are too many, for example because a client sends on and on without an answer: then the
// function has to be called at once, with an error.
func (l *Log) Admit(f func(error)) (counted func(error), ok bool) {
	if l.full.held.Add(1) > int64(l.out.MaxMessages()) {
		l.full.held.Add(-1)
		l.refuse()
		return nil, false
	}
	return func(err error) {
		l.full.held.Add(-1)
		f(err)
	}, true
}
