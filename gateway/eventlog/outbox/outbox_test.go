// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// What is found in the log out of its turn must not bring the next one of its subject to its turn.
func TestAMessageWaitsForTheOneBeforeItOnItsSubject(t *testing.T) {
	o := New(Options{Acks: wire.LiveRoot + "x.acks.", MaxPayload: func() int64 { return 0 }})
	o.SetOneBySubject(true)
	messages := make([]*Message, 3)
	for i := range messages {
		messages[i] = &Message{Subject: "s"}
		if err := o.Push(messages[i]); err != nil {
			t.Fatal(err)
		}
	}
	o.finish(messages[2], stored)
	if len(o.ready) != 1 || o.ready[0] != messages[0] {
		t.Errorf("%d may be sent, want the first alone", len(o.ready))
	}
	o.finish(messages[0], stored)
	if len(o.ready) != 2 || o.ready[1] != messages[1] {
		t.Errorf("%d may be sent, want the second behind the first", len(o.ready))
	}
	o.finish(messages[1], stored)
	if len(o.ready) != 2 || len(o.blocked) != 0 {
		t.Errorf("%d may be sent, and %d subjects are busy", len(o.ready), len(o.blocked))
	}
}
