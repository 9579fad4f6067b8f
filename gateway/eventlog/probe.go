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
	// probeInterval is how often the log is asked whether it is there. Who stores something learns it by that; a gateway whose clients
	// only listen would learn of lost quorum from nobody.
	probeInterval = 2500 * time.Millisecond
	// probeTimeout is how long it may take to answer.
	probeTimeout = 2 * time.Second
	// probeTries is how often in a row it must not answer: a busy machine answers late, and then again in time.
	probeTries = 2
)

// probe asks the log whether it is there, and returns how often in a row it has not been. What asks for run meanwhile ends the
// probe.
func (l *Log) probe(silent int) int {
	if !l.ready.is() {
		return 0 // it has not been reached yet, and is going to be when NATS is
	}
	ctx, cancel := context.WithTimeout(l.life, probeTimeout)
	defer cancel()
	answered := make(chan error, 1)
	epoch := l.epoch()
	go func() { answered <- l.askForQuorum(ctx, epoch) }()
	select {
	case err := <-answered:
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

// askForQuorum asks whether the stream could take something now. One that has taken the place of another is left to run.
func (l *Log) askForQuorum(ctx context.Context, epoch uint64) error {
	info, err := l.streamInfo(ctx, "")
	if err != nil {
		return err
	}
	if l.isAnother(incarnationOf(info)) {
		l.Invalidate()
		return nil
	}
	if err := quorumOf(info.Cluster); err != nil {
		return err
	}
	l.probed.answered(l, epoch, info.State.LastSeq)
	return nil
}

// isAnother tells whether an incarnation is not that of the log which this gateway has used.
func (l *Log) isAnother(incarnation string) bool {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.incarnation != "" && l.incarnation != incarnation
}

// probed is what the last probe has found. Probes come one at a time.
type probed struct {
	epoch, last uint64
}

// answered takes what a probe has found. All that was stored before the last one has come in by now, if nothing has gone by
// meanwhile.
func (p *probed) answered(l *Log, epoch, last uint64) {
	if p.epoch == epoch {
		l.reached.Store(p.last)
	}
	*p = probed{epoch, last}
}

// quorumOf is an error if a stream has too few servers left. One without a leader answers all the same, by whatever member is there;
// and the last leader takes itself for one for ten seconds more.
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
