// SPDX-License-Identifier: Apache-2.0

package netpoll_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
)

func TestWorkersAreThoseWhoseHandlersWaitAndAFew(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	if n := p.Workers(); n != 0 {
		t.Errorf("%d workers without connections", n)
	}
	const waiting = 20
	all, release := waitingHandlers(t, p, waiting)
	if n := p.Workers(); n < waiting {
		t.Errorf("%d workers while %d handlers wait", n, waiting)
	}
	close(release)
	for _, r := range all {
		r.conn.SetDeadline(time.Unix(1, 0))
		receive(t, r.ended)
	}
}
