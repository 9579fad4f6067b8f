// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"os"
	"time"
)

const (
	// stallTime is how long a server of the broker stands still: longer than gateways take to
	// notice.
	stallTime = 20 * time.Second
	// quorumTime is how long the broker has no quorum.
	quorumTime = 15 * time.Second
	// emptyTime is how long the broker is away before it is back with an empty disk: longer than a
	// node drain takes to bring up a pod elsewhere.
	emptyTime = 20 * time.Second
	// wrongTime is how long gateways have other credentials than the broker wants.
	wrongTime = 10 * time.Second
)

// stallBroker has a server stand still. Its connections stay open.
func stallBroker(ctx context.Context, c *chaos) error {
	i := c.broker()
	c.log.Info("broker is frozen", "server", i)
	if err := c.cluster.Brokers[i].Freeze(); err != nil {
		return err
	}
	sleep(ctx, stallTime)
	c.log.Info("broker goes on", "server", i)
	return c.cluster.Brokers[i].Thaw()
}

// loseQuorum stops all servers but one.
func loseQuorum(ctx context.Context, c *chaos) error {
	stopped := c.random.Perm(len(c.cluster.Brokers))[1:]
	c.log.Info("broker loses its quorum", "servers", stopped)
	for _, i := range stopped {
		if err := c.cluster.Brokers[i].Stop(c.cluster.Stack.Grace); err != nil {
			return err
		}
	}
	sleep(ctx, quorumTime)
	c.log.Info("broker has its quorum back")
	return c.cluster.StartBrokers(ctx, stopped...)
}

// emptyBroker is what a node drain does to a broker whose disk is the node's.
func emptyBroker(ctx context.Context, c *chaos) error {
	c.log.Info("broker leaves, and its disk is emptied")
	if err := c.cluster.StopBrokers(); err != nil {
		return err
	}
	all := make([]int, len(c.cluster.Brokers))
	for i := range all {
		all[i] = i
		if err := os.RemoveAll(c.cluster.Stack.NATS.StoreDir(i)); err != nil {
			return fmt.Errorf("empty the broker's disk: %w", err)
		}
	}
	sleep(ctx, emptyTime)
	c.log.Info("broker comes back empty")
	return c.cluster.StartBrokers(ctx, all...)
}

// rotateCredentials changes those that the broker wants. Gateways get them later.
func rotateCredentials(ctx context.Context, c *chaos) error {
	servers := c.cluster.Stack.NATS
	c.log.Info("broker wants other credentials")
	if err := servers.Rotate(); err != nil {
		return err
	}
	if err := c.cluster.ReloadBrokers(ctx); err != nil {
		return err
	}
	sleep(ctx, wrongTime)
	c.log.Info("gateways get them")
	return servers.Publish()
}
