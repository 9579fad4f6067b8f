// SPDX-License-Identifier: Apache-2.0

package outbox

import "github.com/nats-io/nats.go/jetstream"

// StartOver is called when the log incarnation was lost: all messages that are not acknowledged are
// stored again, whether the old one had them or not, and acknowledgements of the old one no longer
// count. It returns the messages that are dropped instead, because they have to follow another
// message on their subject, which is lost; their Done is to be called. The outbox must be paused.
func (o *Outbox) StartOver() (dropped []*Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.epoch++
	for _, m := range o.messages {
		m.Sequence = 0
		follows := m.Header.Get(jetstream.ExpectedLastSubjSeqHeader)
		if follows != "" && follows != "0" && !m.state.isFinal() {
			o.finish(m, rejected)
			dropped = append(dropped, m)
		}
	}
	return dropped
}

// Paused reports whether nothing is sent until Resume.
func (o *Outbox) Paused() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conn == nil
}
