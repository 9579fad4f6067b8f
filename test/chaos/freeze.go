// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	// frozenTime is how long a gateway stands still: longer than it takes the others to give it up, and its clients to notice and
	// come back elsewhere.
	frozenTime = 25 * time.Second
	// unreadyTime is how long Kubernetes goes on to send clients to a gateway that does not answer: three questions, two seconds each.
	unreadyTime = 6 * time.Second
)

// freeze stops the process, and what it has open stays open: to others it is a machine that has vanished, which neither answers
// nor closes. thaw lets it go on as if no time had passed.
func (p *process) freeze() error { return p.signal(syscall.SIGSTOP) }
func (p *process) thaw() error   { return p.signal(syscall.SIGCONT) }

func (p *process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to %s: %w", s, p.name, err)
	}
	return nil
}

// frozen has a gateway stand still until its clients have gone elsewhere. It is not ready any more.
func (c *chaos) frozen(ctx context.Context) (i int, err error) {
	i = c.gateway()
	g := c.cluster.gateways[i]
	c.log.Info("gateway is frozen", "gateway", g.name)
	if err := g.freeze(); err != nil {
		return i, err
	}
	sleep(ctx, unreadyTime)
	c.cluster.balancer.remove(g.address)
	sleep(ctx, frozenTime-unreadyTime)
	return i, nil
}

// loseNode is the loss of a gateway's machine: nobody is told.
func loseNode(ctx context.Context, c *chaos) error {
	i, err := c.frozen(ctx)
	if err != nil {
		return err
	}
	c.log.Info("gateway is killed", "gateway", c.cluster.gateways[i].name)
	if err := c.cluster.leave(i, c.cluster.kill); err != nil {
		return err
	}
	_, err = c.cluster.startGateway(ctx)
	return err
}

// suspend is a gateway that goes on, with the connections and the sessions that it had, when these have long been elsewhere.
func suspend(ctx context.Context, c *chaos) error {
	i, err := c.frozen(ctx)
	if err != nil {
		return err
	}
	g := c.cluster.gateways[i]
	c.log.Info("gateway goes on", "gateway", g.name)
	if err := g.thaw(); err != nil {
		return err
	}
	if err := g.await(ctx, g.ready); err != nil {
		return err
	}
	c.cluster.balancer.add(g.address)
	return nil
}
