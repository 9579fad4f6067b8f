// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// The way between two gateways breaks when the owner of a session has answered, and before the
// other gateway has got any of it. What was in the answer to a poll is gone then, so that the
// client has to learn of it.
func TestRow56AnAnswerThatIsLostBetweenGateways(t *testing.T) {
	leakCheck(t)
	owner, other, way := slow(t)
	listener, _ := wiretest.Connect(t, owner.url, enginePath, "/")
	lose := func(answered func()) {
		way.Pause()
		answered()
		way.Cut()
		way.Mend()
		way.Resume()
	}

	t.Run("of a poll", func(t *testing.T) {
		sid := owner.open(t)
		owner.ask(t, "POST", sid, "40").want(t, 200, "ok")
		other.ask(t, "GET", sid, "").want(t, 200, "40") // so that the connection is reused
		awaitGuests(t, owner, 0)
		var poll <-chan reply
		lose(func() {
			poll = other.inBackground(t, "GET", sid, "")
			awaitGuests(t, owner, 1)
			owner.ask(t, "POST", sid, `42["say","lost"]`).want(t, 200, "ok")
			listener.Expect(`42["said","lost"]`)
			awaitGuests(t, owner, 0) // answered
		})
		owner.ask(t, "POST", sid, `42["say","next"]`) // what the poll gets if it is sent again
		(<-poll).want(t, 400, unknownSession)
		listener.Expect(`42["said","next"]`)
	})

	t.Run("of a post", func(t *testing.T) {
		sid := owner.open(t)
		owner.ask(t, "POST", sid, "40").want(t, 200, "ok")
		other.ask(t, "GET", sid, "").want(t, 200, "40")
		awaitGuests(t, owner, 0)
		var post <-chan reply
		lose(func() {
			post = other.inBackground(t, "POST", sid, `42["say","once"]`)
			listener.Expect(`42["said","once"]`)
			awaitGuests(t, owner, 0)
		})
		(<-post).want(t, 400, unknownSession)
		owner.ask(t, "POST", sid, `42["say","the end"]`).want(t, 200, "ok")
		listener.Expect(`42["said","the end"]`) // and not the other once more
	})
}

func awaitGuests(t *testing.T, m *member, n int64) {
	t.Helper()
	eventually(t, "as many requests of peers are in hand", func() bool { return m.guests.Load() == n })
}
