// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"time"
)

const (
	// resetTime is how long connections between gateways are reset.
	resetTime = 10 * time.Second
	// resetPercent is the share of answers in place of which a connection is reset.
	resetPercent = 5
)

// resetPeers has connections between gateways reset when an answer to a forwarded request is on its
// way.
func resetPeers(ctx context.Context, c *chaos) error {
	c.log.Info("connections between gateways are reset")
	for _, g := range c.cluster.Gateways {
		g.ResetPeers(resetPercent)
	}
	sleep(ctx, resetTime)
	for _, g := range c.cluster.Gateways {
		g.ResetPeers(0)
	}
	return nil
}

// rollingUpdate replaces gateways of the previous program by those of today's. Later ones are
// restarts.
func rollingUpdate(ctx context.Context, c *chaos) error {
	c.cluster.Outdated = false
	return rollingRestart(ctx, c)
}
