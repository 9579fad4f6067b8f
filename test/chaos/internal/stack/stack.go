// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// Stack is a Socket.IO service as processes: how to start its broker and a gateway.
type Stack struct {
	// Name is said in the output.
	Name string
	// NeedsAffinity is true if polling clients must stay on their gateway.
	NeedsAffinity bool
	// Grace is how long a gateway may take to leave.
	Grace time.Duration
	// Brokers is how many servers the broker consists of; 0: there is none.
	Brokers int
	// NATS is what can be done to brokers that are NATS servers; nil if they are not.
	NATS *NATSServers
	// Peers is true if gateways listen for each other, at peerHost, and are reached at 127.0.0.1.
	Peers bool

	// broker is the ith server of the broker, which finds the others by their ports.
	broker func(i int, ports []brokerPorts) command
	// gateway is the nth to be started. It reaches the broker's servers at addresses.
	gateway func(n, revision int, ports gatewayPorts, brokers []string) command
	// previous is the same with the program of before; nil if there is none.
	previous func(n, revision int, ports gatewayPorts, brokers []string) command
}

// HasPrevious reports whether there is a previous program, from which gateways can be updated.
func (s Stack) HasPrevious() bool { return s.previous != nil }

// brokerPorts are where a server of the broker listens for gateways, and for the others.
type brokerPorts struct{ clients, routes int }

func newBrokerPorts() (brokerPorts, error) {
	ports, err := freePorts(2)
	if err != nil {
		return brokerPorts{}, err
	}
	return brokerPorts{clients: ports[0], routes: ports[1]}, nil
}

// gatewayPorts are where a gateway listens for clients, for questions about itself, and for other
// gateways.
type gatewayPorts struct{ clients, ops, peers int }

// newGatewayPorts are those of so many gateways; none comes twice.
func newGatewayPorts(n int) ([]gatewayPorts, error) {
	free, err := freePorts(3 * n)
	if err != nil {
		return nil, err
	}
	var ports []gatewayPorts
	for p := range slices.Chunk(free, 3) {
		ports = append(ports, gatewayPorts{clients: p[0], ops: p[1], peers: p[2]})
	}
	return ports, nil
}

// Gateway is a gateway that runs.
type Gateway struct {
	*Process
	// Address is the host:port where clients reach it.
	Address string
	wires   wires // one to each server of the broker
	door    *wire // by which other gateways reach it; nil if they do not
}

// Close ends the wires of a gateway that has ended.
func (g *Gateway) Close() {
	g.wires.close()
	if g.door != nil {
		g.door.close()
	}
}

// Cluster is a stack that runs. It is for one goroutine.
type Cluster struct {
	// Stack is what runs, and Balancer where clients find its gateways.
	Stack    Stack
	Balancer *Balancer
	// Brokers and Gateways are those that run, the oldest gateway first.
	Brokers  []*Process
	Gateways []*Gateway
	// Revision is that of the gateways that are started.
	Revision int
	// Outdated is true while gateways are started by the previous program.
	Outdated bool
	// Overstayed counts the gateways that had to be killed, and Crashed those that ended by
	// themselves.
	Overstayed, Crashed int

	dir         string
	brokerPorts []brokerPorts
	started     int
}

// Start starts the broker and gateways, outdated ones by the previous program. Close ends them,
// also after an error.
func Start(ctx context.Context, s Stack, dir string, gateways int, b *Balancer, outdated bool) (*Cluster, error) {
	c := &Cluster{Stack: s, dir: dir, Balancer: b, Outdated: outdated}
	for range s.Brokers {
		ports, err := newBrokerPorts()
		if err != nil {
			return c, err
		}
		c.brokerPorts = append(c.brokerPorts, ports)
	}
	for i := range s.Brokers {
		p, err := start(ctx, dir, s.broker(i, c.brokerPorts))
		if err != nil {
			return c, err
		}
		c.Brokers = append(c.Brokers, p)
	}
	for range gateways {
		if _, err := c.StartGateway(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// RestartBroker starts a server of the broker that has ended.
func (c *Cluster) RestartBroker(ctx context.Context, i int) error {
	p, err := start(ctx, c.dir, c.Stack.broker(i, c.brokerPorts))
	if err != nil {
		return err
	}
	c.Brokers[i] = p
	return nil
}

// StartGateway starts one, waits until it is ready, and lets clients come.
func (c *Cluster) StartGateway(ctx context.Context) (*Gateway, error) {
	for g, err := range c.StartGateways(ctx, 1) {
		return g, err
	}
	panic("one was asked for")
}

// StartGateways starts so many at once, and yields each as soon as it is ready and clients may
// come. Those that nobody waits for any more are killed.
func (c *Cluster) StartGateways(ctx context.Context, n int) iter.Seq2[*Gateway, error] {
	return func(yield func(*Gateway, error) bool) {
		all, err := newGatewayPorts(n)
		if err != nil {
			yield(nil, err)
			return
		}
		started := make(chan startedGateway, n)
		for _, ports := range all {
			g, program, err := c.newGateway(ports)
			if err != nil {
				started <- startedGateway{err: err}
				continue
			}
			go func() { started <- c.run(ctx, g, program) }()
		}
		wanted := true
		for range n {
			s := <-started
			if !wanted {
				s.end()
				continue
			}
			if s.err == nil {
				c.Gateways = append(c.Gateways, s.gateway)
				c.Balancer.Add(s.gateway.Address)
			}
			wanted = yield(s.gateway, s.err)
		}
	}
}

// startedGateway is one that is ready, or why it is not.
type startedGateway struct {
	gateway *Gateway
	err     error
}

func (s startedGateway) end() {
	if s.gateway != nil {
		s.gateway.Kill()
		s.gateway.Close()
	}
}

// newGateway is one that does not run yet, and how to run it.
func (c *Cluster) newGateway(ports gatewayPorts) (*Gateway, command, error) {
	g := &Gateway{Address: local(ports.clients)}
	if err := g.wire(c.brokerPorts, ports, c.Stack.Peers); err != nil {
		g.Close()
		return nil, command{}, err
	}
	c.started++
	program := c.Stack.gateway
	if c.Outdated {
		program = c.Stack.previous
	}
	return g, program(c.started, c.Revision, ports, g.wires.addresses()), nil
}

// run waits until a gateway is ready. It may be called for several at once.
func (c *Cluster) run(ctx context.Context, g *Gateway, program command) startedGateway {
	var err error
	if g.Process, err = start(ctx, c.dir, program); err != nil {
		g.Close()
		return startedGateway{err: err}
	}
	return startedGateway{gateway: g}
}

// wire makes the ways to the broker, and those of other gateways to this one.
func (g *Gateway) wire(brokers []brokerPorts, ports gatewayPorts, peers bool) error {
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

// Heal starts a gateway for each that has ended by itself, as Kubernetes does.
func (c *Cluster) Heal(ctx context.Context) error {
	for i := len(c.Gateways) - 1; i >= 0; i-- {
		select {
		case <-c.Gateways[i].ended:
		default:
			continue
		}
		c.Crashed++
		if err := c.Leave(i, func(*Gateway) error { return nil }); err != nil {
			return err
		}
		if _, err := c.StartGateway(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Leave takes a gateway out of the balancer and out of the cluster; end says how it goes.
func (c *Cluster) Leave(i int, end func(*Gateway) error) error {
	g := c.Remove(i)
	err := end(g)
	g.Close()
	return err
}

// Remove takes a gateway out of the balancer and out of the cluster, while it runs.
func (c *Cluster) Remove(i int) *Gateway {
	g := c.Gateways[i]
	c.Balancer.Remove(g.Address)
	c.Gateways = append(c.Gateways[:i:i], c.Gateways[i+1:]...)
	return g
}

// Stop is a gateway's polite end. One that overstays is counted.
func (c *Cluster) Stop(g *Gateway) error { return c.Departed(g.Stop(c.Stack.Grace)) }

// Departed takes how a polite end went: it counts an overstay, and returns any other error.
func (c *Cluster) Departed(err error) error {
	if errors.Is(err, errOverstayed) {
		c.Overstayed++
		return nil
	}
	return err
}

// Kill ends a gateway at once.
func (*Cluster) Kill(g *Gateway) error {
	g.Kill()
	return nil
}

// Close ends all processes: the gateways, all at once, and then the broker.
func (c *Cluster) Close() error {
	errs := make([]error, len(c.Gateways))
	var ending sync.WaitGroup
	for i, g := range c.Gateways {
		c.Balancer.Remove(g.Address)
		ending.Go(func() {
			errs[i] = g.Stop(c.Stack.Grace)
			g.Close()
		})
	}
	ending.Wait()
	c.Gateways = nil
	for _, b := range c.Brokers {
		errs = append(errs, b.Stop(c.Stack.Grace))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop the service: %w", err)
	}
	return nil
}
