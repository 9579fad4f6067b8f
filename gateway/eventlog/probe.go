// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// probeInterval is how often the log is probed. Gateways that store something notice a failure
	// by that; a gateway whose clients only listen would not notice a lost quorum otherwise.
	probeInterval = 2500 * time.Millisecond
	// probeTimeout bounds the wait for the answer.
	probeTimeout = 2 * time.Second
	// probeTries is how many probes in a row must fail: a busy machine may answer one late, and the
	// next in time.
	probeTries = 2
)

// probe probes the log, and returns how many probes in a row have failed. A request for preparation
// ends the probe.
func (l *Log) probe(silent int) int {
	if !l.ready.is() {
		return 0 // not reached yet; it will be when NATS is
	}
	ctx, cancel := context.WithTimeout(l.life, probeTimeout)
	defer cancel()
	begin, answered := time.Now(), make(chan error, 1)
	epoch := l.epoch()
	go func() { answered <- l.askForQuorum(ctx, epoch) }()
	select {
	case err := <-answered:
		l.metrics.Probes.Observe(time.Since(begin).Seconds())
		if err == nil {
			return 0
		}
		l.log.Debug("the log of events does not answer", "stream", l.stream, "error", err)
		return silent + 1
	case <-l.signaled:
		l.signal()
	case <-l.stop:
	}
	cancel()
	<-answered
	return 0
}

// askForQuorum asks whether the stream could store something now. If it is another incarnation, it
// returns without an error and leaves it to Run.
func (l *Log) askForQuorum(ctx context.Context, epoch uint64) error {
	info, err := l.streamInfo(ctx, "")
	if err != nil {
		return err
	}
	if l.isAnother(IncarnationOf(info.Created, info.Config.Metadata)) {
		l.Invalidate()
		return nil
	}
	if err := quorumOf(info.Cluster); err != nil {
		return err
	}
	l.probed.answered(l, epoch, info.State.LastSeq)
	return nil
}

// isAnother reports whether an incarnation is not the one that this gateway has used.
func (l *Log) isAnother(incarnation string) bool {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.incarnation != "" && l.incarnation != incarnation
}

// probed is the result of the last probe. Probes run one at a time.
type probed struct {
	epoch, last uint64
}

// answered handles the result of a probe. All messages that were stored before the previous probe
// have arrived by now, if none have been missed meanwhile.
func (p *probed) answered(l *Log, epoch, last uint64) {
	if p.epoch == epoch {
		l.reached.Store(p.last)
	}
	*p = probed{epoch, last}
}

// quorumOf returns an error if a stream has too few servers left. A stream without a leader still
// answers, by any of its members; and the last leader considers itself the leader for ten seconds
// more.
func quorumOf(c *jetstream.ClusterInfo) error {
	switch {
	case c == nil: // a single server, which has answered
		return nil
	case c.Leader == "":
		return errors.New("the stream has no leader")
	}
	there := 1
	for _, replica := range c.Replicas {
		if !replica.Offline {
			there++
		}
	}
	if all := 1 + len(c.Replicas); there <= all/2 {
		return fmt.Errorf("%d of the %d servers that keep the stream are there", there, all)
	}
	return nil
}
