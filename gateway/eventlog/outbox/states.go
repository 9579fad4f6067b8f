// SPDX-License-Identifier: Apache-2.0

package outbox

// state is how far a message has come; see the diagram in doc.go. Each ends in one of the last three.
type state uint8

const (
	// pending: the message waits for its turn.
	pending state = iota
	// sent: it is on its way on the present connection.
	sent
	// stored: JetStream has it.
	stored
	// rejected: it can never be stored.
	rejected
	// abandoned: the outbox has ended.
	abandoned
)

func (s state) isFinal() bool { return s >= stored }
