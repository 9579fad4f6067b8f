// SPDX-License-Identifier: Apache-2.0

package cluster

import "github.com/nats-io/nats.go/jetstream"

// startOver is for a log that was lost: all messages that are not acknowledged are stored again, whether the old log had
// them or not, and acknowledgements of the old log no longer count. It returns the records of sessions that are dropped instead, because
// they follow a record that is lost. The outbox must be paused.
func (o *outbox) startOver() (dropped []*entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.epoch++
	for _, e := range o.entries {
		e.number = 0
		if e.record && !e.state.isFinal() && e.header.Get(jetstream.ExpectedLastSubjSeqHeader) != "0" {
			o.finish(e, rejected)
			dropped = append(dropped, e)
		}
	}
	return dropped
}

// paused tells whether nothing is sent until resume.
func (o *outbox) paused() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conn == nil
}
