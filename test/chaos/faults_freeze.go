// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"time"
)

const (
	// frozenTime is how long a gateway stands still: longer than it takes the others to give it up,
	// and its clients to notice and come back elsewhere.
	frozenTime = 25 * time.Second
	// unreadyTime is how long Kubernetes goes on to send clients to a gateway that does not answer:
	// three questions, two seconds each.
	unreadyTime = 6 * time.Second
)

// frozen has a gateway stand still until its clients have gone elsewhere. It is not ready any more.
func (c *chaos) frozen(ctx context.Context) (i int, err error) {
	i = c.gateway()
	g := c.cluster.Gateways[i]
	c.log.Info("gateway is frozen", "gateway", g.Name)
	if err := g.Freeze(); err != nil {
		return i, err
	}
	sleep(ctx, unreadyTime)
	c.cluster.Balancer.Remove(g.Address)
	sleep(ctx, frozenTime-unreadyTime)
	return i, nil
}

// loseNode is the loss of a gateway's machine: nobody is told.
func loseNode(ctx context.Context, c *chaos) error {
	i, err := c.frozen(ctx)
	if err != nil {
		return err
	}
	c.log.Info("gateway is killed", "gateway", c.cluster.Gateways[i].Name)
	if err := c.cluster.Leave(i, c.cluster.Kill); err != nil {
		return err
	}
	_, err = c.cluster.StartGateway(ctx)
	return err
}

// suspend is a gateway that goes on, with the connections and the sessions that it had, when these
// have long been elsewhere.
func suspend(ctx context.Context, c *chaos) error {
	i, err := c.frozen(ctx)
	if err != nil {
		return err
	}
	g := c.cluster.Gateways[i]
	c.log.Info("gateway goes on", "gateway", g.Name)
	if err := g.Thaw(); err != nil {
		return err
	}
	if err := g.Await(ctx); err != nil {
		return err
	}
	c.cluster.Balancer.Add(g.Address)
	return nil
}
