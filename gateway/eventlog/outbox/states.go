// SPDX-License-Identifier: Apache-2.0

package outbox

// state is the state of a message; see the diagram in doc.go. Each message ends in one of the last
// three.
type state uint8

const (
	// pending: the message waits to be sent.
	pending state = iota
	// sent: it is in flight on the present connection.
	sent
	// stored: JetStream has stored it.
	stored
	// rejected: it can never be stored.
	rejected
	// abandoned: the outbox has ended.
	abandoned
)

func (s state) isFinal() bool { return s >= stored }
