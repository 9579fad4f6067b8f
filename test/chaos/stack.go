// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Stack is a Socket.IO service as processes: how to start its broker and a gateway.
type Stack struct {
	// Name is said in the output.
	Name string
	// NeedsAffinity is true if polling clients must stay on their gateway.
	NeedsAffinity bool
	// grace is how long a gateway may take to leave.
	grace time.Duration
	// broker is nil if there is none.
	broker func(port int) command
	// gateway is the nth to be started. It reaches the broker at an address.
	gateway func(n, revision int, ports gatewayPorts, broker string) command
}

// gatewayPorts are where a gateway listens for clients, for questions about itself, and for other gateways.
type gatewayPorts struct{ clients, ops, peers int }

func newGatewayPorts() (gatewayPorts, error) {
	ports, err := freePorts(3)
	if err != nil {
		return gatewayPorts{}, err
	}
	return gatewayPorts{clients: ports[0], ops: ports[1], peers: ports[2]}, nil
}

// gateway is one that runs.
type gateway struct {
	*process
	address string
	wire    *wire // nil without a broker
}

// cluster is a stack that runs. It is for one goroutine.
type cluster struct {
	stack      Stack
	dir        string
	balancer   *balancer
	brokerPort int
	broker     *process
	gateways   []*gateway
	started    int
	revision   int // of the gateways that are started
	overstayed int // gateways that had to be killed
	crashed    int // gateways that ended by themselves
}

// startCluster starts the broker and gateways. Close ends them, also after an error.
func startCluster(ctx context.Context, s Stack, dir string, gateways int, b *balancer) (*cluster, error) {
	c := &cluster{stack: s, dir: dir, balancer: b}
	if s.broker != nil {
		ports, err := freePorts(1)
		if err != nil {
			return c, err
		}
		c.brokerPort = ports[0]
		if err := c.startBroker(ctx); err != nil {
			return c, err
		}
	}
	for range gateways {
		if _, err := c.startGateway(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *cluster) startBroker(ctx context.Context) error {
	var err error
	c.broker, err = start(ctx, c.dir, c.stack.broker(c.brokerPort))
	return err
}

// startGateway starts one, waits until it is ready, and lets clients come.
func (c *cluster) startGateway(ctx context.Context) (*gateway, error) {
	ports, err := newGatewayPorts()
	if err != nil {
		return nil, err
	}
	g := &gateway{address: local(ports.clients)}
	var broker string
	if c.stack.broker != nil {
		if g.wire, err = newWire(local(c.brokerPort)); err != nil {
			return nil, err
		}
		broker = g.wire.address()
	}
	c.started++
	g.process, err = start(ctx, c.dir, c.stack.gateway(c.started, c.revision, ports, broker))
	if err != nil {
		g.closeWire()
		return nil, err
	}
	c.gateways = append(c.gateways, g)
	c.balancer.add(g.address)
	return g, nil
}

func (g *gateway) closeWire() {
	if g.wire != nil {
		g.wire.close()
	}
}

// heal starts a gateway for each that has ended by itself, as Kubernetes does.
func (c *cluster) heal(ctx context.Context) error {
	for i := len(c.gateways) - 1; i >= 0; i-- {
		select {
		case <-c.gateways[i].ended:
		default:
			continue
		}
		c.crashed++
		if err := c.leave(i, func(*gateway) error { return nil }); err != nil {
			return err
		}
		if _, err := c.startGateway(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leave takes a gateway out of the balancer and out of the cluster; end says how it goes.
func (c *cluster) leave(i int, end func(*gateway) error) error {
	g := c.remove(i)
	err := end(g)
	g.closeWire()
	return err
}

// remove takes a gateway out of the balancer and out of the cluster, while it runs.
func (c *cluster) remove(i int) *gateway {
	g := c.gateways[i]
	c.balancer.remove(g.address)
	c.gateways = append(c.gateways[:i:i], c.gateways[i+1:]...)
	return g
}

// stop is a gateway's polite end. One that overstays is counted.
func (c *cluster) stop(g *gateway) error { return c.departed(g.stop(c.stack.grace)) }

// departed takes how a polite end went.
func (c *cluster) departed(err error) error {
	if errors.Is(err, errOverstayed) {
		c.overstayed++
		return nil
	}
	return err
}

func (*cluster) kill(g *gateway) error {
	g.kill()
	return nil
}

// Close ends all processes: the gateways, all at once, and then the broker.
func (c *cluster) Close() error {
	errs := make([]error, len(c.gateways)+1)
	var ending sync.WaitGroup
	for i, g := range c.gateways {
		c.balancer.remove(g.address)
		ending.Go(func() {
			errs[i] = g.stop(c.stack.grace)
			g.closeWire()
		})
	}
	ending.Wait()
	c.gateways = nil
	if c.broker != nil {
		errs[len(errs)-1] = c.broker.stop(c.stack.grace)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop the service: %w", err)
	}
	return nil
}
