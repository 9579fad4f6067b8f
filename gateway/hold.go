// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
)

// settleTime is how long load balancers may take to notice that the last of the old gateways is not
// ready.
const settleTime = 2 * time.Second

// hold takes the gateway out of service and keeps its clients, up to a limit, while others that are
// also being replaced still accept clients: so each client is sent away once in a rollout. It
// returns how long that took, and why its clients go. A gateway that is not replaced, for example
// when a service is scaled down, does not hold its clients.
func (g *Gateway) hold(ctx context.Context, limit, settle time.Duration) (time.Duration, ending.Cause) {
	start := time.Now()
	g.draining.Store(true)
	g.io.Refuse()
	g.cluster.Leaving()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if !g.cluster.AwaitSuccession(ctx) {
		return time.Since(start), ending.Drain
	}
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return time.Since(start), ending.Rollout
}
