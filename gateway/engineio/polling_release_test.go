// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"net/http"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestAReleasedPollIsAnsweredAndTheSessionLives(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	answer := p.StartGet()
	s.Engine.Release(p.Opened.SessionID)
	p.Answer(answer).Want(t, http.StatusOK, "6")
	s.Engine.Release(p.Opened.SessionID) // nobody waits
	s.Engine.Release("unknown")
	p.WantAlive()
}
