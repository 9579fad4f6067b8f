// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// PrepareTimeout bounds one attempt to reach JetStream.
	PrepareTimeout = 2 * time.Second
	// prepareWait is the pause between two attempts.
	prepareWait = 500 * time.Millisecond
)

// errInterrupted: the log must be prepared once more, at once.
var errInterrupted = errors.New("something has happened meanwhile")

// Prepare makes Run prepare the log again, and then the outbox send again everything that is not
// acknowledged.
func (l *Log) Prepare() {
	l.ready.set(false)
	l.broken.Store(true)
	l.signal()
}

// onOutboxTrouble is called when the outbox cannot continue.
func (l *Log) onOutboxTrouble() {
	l.invalidations.Add(1)
	l.Prepare()
}

// signal makes Run check what there is to do.
func (l *Log) signal() {
	select {
	case l.signaled <- struct{}{}:
	default:
	}
}

// Run prepares the log at the start, and whenever something has gone wrong.
func (l *Log) Run() {
	probe := time.NewTicker(probeInterval)
	defer probe.Stop()
	silent := 0
	for {
		select {
		case <-l.signaled:
			if !l.broken.Load() && l.heal() == nil {
				continue
			}
		case <-probe.C:
			begin := time.Now()
			if silent = l.probe(silent); silent < probeTries {
				if silent == 0 && l.ready.is() {
					l.heardAt = begin // the answer came after all that was stored before
				}
				continue
			}
		case <-l.stop:
			return
		}
		silent = 0
		if !l.restore() {
			return
		}
		l.log.Info("the log of events is ready", "stream", l.stream)
	}
}

// restore prepares the log until that succeeds. It returns false when the gateway ends.
func (l *Log) restore() bool {
	for warned := false; ; {
		l.broken.Store(false)
		l.out.Pause()
		err := l.prepare()
		switch {
		case err == nil:
			return true
		case errors.Is(err, errInterrupted):
			continue
		}
		l.ready.failed(err)
		if !warned && l.host.NATS().IsConnected() {
			l.log.Warn("the log of events cannot be used; recoverable events wait until it can", "stream", l.stream, "error", err)
			warned = true
		}
		select {
		case <-time.After(prepareWait):
		case <-l.stop:
			return false
		}
	}
}

// heal checks the stream, and delivers missed messages.
func (l *Log) heal() error {
	ctx, cancel := context.WithTimeout(l.life, PrepareTimeout)
	defer cancel()
	begin := time.Now()
	state := streamState{
		epoch: l.epoch(), misses: l.misses.Load(), reconnects: l.host.Connections(), away: begin.Sub(l.heardAt),
	}
	err := l.ensureStream(ctx, &state)
	if err != nil {
		return err
	}
	if l.isAnother(state.incarnation) && !l.out.Paused() {
		return errInterrupted // the outbox must not store anything before that is known here
	}
	// Messages that have arrived since the subscriptions are back wait for this.
	healed := make(chan error, 1)
	if !l.InLoop(func() { healed <- l.catchUp(state) }) {
		return nats.ErrConnectionClosed
	}
	select {
	case err = <-healed:
	case <-l.stop:
		return nats.ErrConnectionClosed
	}
	if err == nil {
		l.heardAt = begin
	}
	return err
}

// prepare heals the log, and sends the waiting messages. It returns when the log accepts them: a
// stream may exist and have no room.
func (l *Log) prepare() error {
	if err := l.heal(); err != nil {
		return err
	}
	flows, err := l.out.Resume()
	if err != nil {
		return err
	}
	for {
		select {
		case <-flows:
			l.ready.set(true)
			return nil
		case <-l.signaled:
			if err := l.interrupted(); err != nil {
				return err
			}
		case <-l.stop:
			return nats.ErrConnectionClosed
		}
	}
}

// interrupted handles what has happened while Run waits for the log. An error means that the log
// has to be prepared once more.
func (l *Log) interrupted() error {
	if err := l.out.Problem(); err != nil {
		return fmt.Errorf("store what waits: %w", err)
	}
	if l.broken.Load() {
		return errInterrupted // NATS was away
	}
	return l.heal() // messages may have been missed
}
