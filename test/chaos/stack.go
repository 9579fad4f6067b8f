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
	// brokers is how many servers the broker consists of; 0: there is none. broker is the ith, which finds the others by their ports.
	brokers int
	broker  func(i int, ports []brokerPorts) command
	// gateway is the nth to be started. It reaches the broker's servers at addresses.
	gateway func(n, revision int, ports gatewayPorts, brokers []string) command
	// previous is the same with the program of before; nil if there is none.
	previous func(n, revision int, ports gatewayPorts, brokers []string) command
	// nats is what can be done to brokers that are NATS servers; nil if they are not.
	nats *natsServers
	// peers is true if gateways listen for each other, at peerHost, and are reached at 127.0.0.1.
	peers bool
}

// brokerPorts are where a server of the broker listens for gateways, and for the others.
type brokerPorts struct{ clients, routes int }

func newBrokerPorts() (brokerPorts, error) {
	ports, err := freePorts(2)
	if err != nil {
		return brokerPorts{}, err
	}
	return brokerPorts{clients: ports[0], routes: ports[1]}, nil
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
	wires   wires // one to each server of the broker
	door    *wire // by which other gateways reach it; nil if they do not
}

// close ends the wires of a gateway that has ended.
func (g *gateway) close() {
	g.wires.close()
	if g.door != nil {
		g.door.close()
	}
}

// cluster is a stack that runs. It is for one goroutine.
type cluster struct {
	stack       Stack
	dir         string
	balancer    *balancer
	brokerPorts []brokerPorts
	brokers     []*process
	gateways    []*gateway
	started     int
	revision    int  // of the gateways that are started
	outdated    bool // gateways are started by the previous program
	overstayed  int  // gateways that had to be killed
	crashed     int  // gateways that ended by themselves
}

// startCluster starts the broker and gateways, outdated ones by the previous program. Close ends them, also after an error.
func startCluster(ctx context.Context, s Stack, dir string, gateways int, b *balancer, outdated bool) (*cluster, error) {
	c := &cluster{stack: s, dir: dir, balancer: b, outdated: outdated}
	for range s.brokers {
		ports, err := newBrokerPorts()
		if err != nil {
			return c, err
		}
		c.brokerPorts = append(c.brokerPorts, ports)
	}
	for i := range s.brokers {
		p, err := start(ctx, dir, s.broker(i, c.brokerPorts))
		if err != nil {
			return c, err
		}
		c.brokers = append(c.brokers, p)
	}
	for range gateways {
		if _, err := c.startGateway(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// restartBroker starts a server of the broker that has ended.
func (c *cluster) restartBroker(ctx context.Context, i int) error {
	p, err := start(ctx, c.dir, c.stack.broker(i, c.brokerPorts))
	if err != nil {
		return err
	}
	c.brokers[i] = p
	return nil
}

// startGateway starts one, waits until it is ready, and lets clients come.
func (c *cluster) startGateway(ctx context.Context) (*gateway, error) {
	ports, err := newGatewayPorts()
	if err != nil {
		return nil, err
	}
	g := &gateway{address: local(ports.clients)}
	if err := g.wire(c.brokerPorts, ports, c.stack.peers); err != nil {
		g.close()
		return nil, err
	}
	c.started++
	program := c.stack.gateway
	if c.outdated {
		program = c.stack.previous
	}
	g.process, err = start(ctx, c.dir, program(c.started, c.revision, ports, g.wires.addresses()))
	if err != nil {
		g.close()
		return nil, err
	}
	c.gateways = append(c.gateways, g)
	c.balancer.add(g.address)
	return g, nil
}

// wire makes the ways to the broker, and those of other gateways to this one.
func (g *gateway) wire(brokers []brokerPorts, ports gatewayPorts, peers bool) error {
	for _, b := range brokers {
		w, err := newWire("127.0.0.1:0", local(b.clients))
		if err != nil {
			return err
		}
		g.wires = append(g.wires, w)
	}
	if !peers {
		return nil
	}
	var err error
	g.door, err = newWire(local(ports.peers), peerAddress(ports))
	return err
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
	g.close()
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
	errs := make([]error, len(c.gateways))
	var ending sync.WaitGroup
	for i, g := range c.gateways {
		c.balancer.remove(g.address)
		ending.Go(func() {
			errs[i] = g.stop(c.stack.grace)
			g.close()
		})
	}
	ending.Wait()
	c.gateways = nil
	for _, b := range c.brokers {
		errs = append(errs, b.stop(c.stack.grace))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop the service: %w", err)
	}
	return nil
}
