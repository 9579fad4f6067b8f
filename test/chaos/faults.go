// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/ledger"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/stack"
)

const (
	// cutTime is how long clients are cut off.
	cutTime = 10 * time.Second
	// partitionTime is how long a gateway is cut off the broker.
	partitionTime = 5 * time.Second
	// downTime is how long the broker is down while something else fails.
	downTime = 5 * time.Second
	// warmTime is the longest that a fault waits after the phase's first message.
	warmTime = 2 * time.Second
)

// chaos is what a fault works on.
type chaos struct {
	log     *slog.Logger
	cluster *stack.Cluster
	clients []*client
	random  *rand.Rand
	// padding is how many bytes one in oversizedEvery messages has too many; 0: none has.
	padding atomic.Int64
}

// fault is something that goes wrong, by name. do returns when it is over; what it chooses, it
// chooses by random, and logs.
type fault struct {
	name string
	do   func(ctx context.Context, c *chaos) error
	// fits is false if a stack knows no such fault.
	fits func(stack.Stack) bool
	// planned means that clients are told to come back, which they should be once.
	planned bool
	// tells means that some clients may not be made whole: they get a new session in place of
	// theirs. mustTell means that some cannot.
	tells, mustTell bool
	// refuses means that the service has to refuse events.
	refuses bool
}

// judge takes what a fault brings about off what is wrong.
func (f fault) judge(r *ledger.Result) {
	if f.tells {
		r.Told, r.Refused = r.Refused, 0
	}
	if f.refuses && r.Nacks == 0 || f.mustTell && r.Told == 0 {
		r.Harmless++
	}
}

func always(stack.Stack) bool         { return true }
func withBroker(s stack.Stack) bool   { return s.Brokers > 0 }
func withNATS(s stack.Stack) bool     { return s.NATS != nil }
func withQuorum(s stack.Stack) bool   { return s.NATS != nil && s.Brokers > 2 }
func withPeers(s stack.Stack) bool    { return s.Peers }
func withPrevious(s stack.Stack) bool { return s.HasPrevious() }

const updateFault = "rolling update from the previous program"

// faults are all that there are; the first is none.
var faults = []fault{
	{name: "none", do: calm, fits: always},
	// The faults that follow are those of today's program.
	{name: updateFault, do: rollingUpdate, fits: withPrevious, planned: true},
	{name: "rolling restart", do: rollingRestart, fits: always, planned: true},
	{name: "gateway killed", do: killGateway, fits: always},
	{name: "broker restarted", do: restartBroker, fits: withBroker},
	{name: "broker killed", do: killBroker, fits: withBroker},
	{name: "one client in ten cut for 10 s", do: cutClients, fits: always},
	{name: "gateway cut off the broker for 5 s", do: partition, fits: withBroker},
	{name: "clients come back while the broker is down for 5 s", do: comeBackWithoutBroker, fits: withBroker},
	{name: "gateway killed while the broker is down for 5 s", do: killWithoutBroker, fits: withBroker},
	{name: "gateway frozen for 25 s and killed", do: loseNode, fits: always},
	{name: "gateway frozen for 25 s", do: suspend, fits: always},
	{name: "connections between gateways reset for 10 s", do: resetPeers, fits: withPeers},
	{name: "one client in ten cut for 10 s and during recovery", do: cutRecoveries, fits: always},
	{name: "broker frozen for 20 s", do: stallBroker, fits: withBroker},
	{name: "broker without quorum for 15 s", do: loseQuorum, fits: withQuorum},
	{name: "broker refuses large messages for 10 s", do: refuseLarge, fits: withNATS, refuses: true},
	{name: "broker's disk full for 10 s", do: fillDisk, fits: withNATS},
	{name: "broker's credentials rotated 10 s before the gateways'", do: rotateCredentials, fits: withNATS},
	{name: "log trimmed while one client in ten is cut", do: trimLog, fits: withNATS, tells: true, mustTell: true},
	{name: "broker back after 20 s with an empty disk", do: emptyBroker, fits: withNATS, tells: true},
}

// Faults are the names of all faults.
func Faults() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.name
	}
	return names
}

// Choose returns the names of the faults in a list with commas. Each is a name, or how some begin.
func Choose(list string) ([]string, error) {
	var chosen []string
	for _, item := range strings.Split(list, ",") {
		if slices.Contains(Faults(), item) {
			chosen = append(chosen, item)
			continue
		}
		before := len(chosen)
		for _, name := range Faults() {
			if strings.HasPrefix(name, item) {
				chosen = append(chosen, name)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("no fault begins with %q: %q", item, Faults())
		}
	}
	return chosen, nil
}

func faultNamed(name string) (fault, error) {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	if i < 0 {
		return fault{}, fmt.Errorf("fault %q: there is none of that name, only %q", name, Faults())
	}
	return faults[i], nil
}

func calm(ctx context.Context, _ *chaos) error {
	sleep(ctx, 5*time.Second)
	return nil
}

// rollingRestart is what Kubernetes does to a Deployment with a maxSurge of 100%: the new gateways
// are started at once, for each that is ready an old one is told to leave, and nobody waits until
// it has gone. Were they started one after another, a busy machine would take longer for them than
// a leaving gateway keeps its clients. A single gateway has nobody beside it, as with strategy
// Recreate.
func rollingRestart(ctx context.Context, c *chaos) error {
	c.cluster.Revision++
	old := slices.Clone(c.cluster.Gateways)
	if len(old) == 1 {
		c.log.Info("gateway is told to leave", "gateway", old[0].Name)
		if err := c.cluster.Leave(0, c.cluster.Stop); err != nil {
			return err
		}
		_, err := c.cluster.StartGateway(ctx)
		return err
	}
	var leaving sync.WaitGroup
	defer leaving.Wait() // also after an error: none outlives the fault
	ended := make([]error, len(old))
	i := -1
	for _, err := range c.cluster.StartGateways(ctx, len(old)) {
		if err != nil {
			return err
		}
		i++
		g := old[i]
		c.log.Info("gateway is told to leave", "gateway", g.Name)
		c.cluster.Remove(slices.Index(c.cluster.Gateways, g))
		how := &ended[i]
		leaving.Go(func() {
			*how = g.Stop(c.cluster.Stack.Grace)
			g.Close()
		})
	}
	leaving.Wait()
	for _, err := range ended {
		if err := c.cluster.Departed(err); err != nil {
			return err
		}
	}
	return nil
}

func killGateway(ctx context.Context, c *chaos) error {
	i := c.gateway()
	c.log.Info("gateway is killed", "gateway", c.cluster.Gateways[i].Name)
	if err := c.cluster.Leave(i, c.cluster.Kill); err != nil {
		return err
	}
	_, err := c.cluster.StartGateway(ctx)
	return err
}

func restartBroker(ctx context.Context, c *chaos) error {
	i := c.broker()
	c.log.Info("broker is told to leave", "server", i)
	if err := c.cluster.Brokers[i].Stop(c.cluster.Stack.Grace); err != nil {
		return err
	}
	return c.cluster.RestartBroker(ctx, i)
}

func killBroker(ctx context.Context, c *chaos) error {
	i := c.broker()
	c.log.Info("broker is killed", "server", i)
	c.cluster.Brokers[i].Kill()
	return c.cluster.RestartBroker(ctx, i)
}

// broker chooses a server of the broker.
func (c *chaos) broker() int {
	if len(c.cluster.Brokers) == 1 {
		return 0 // and nothing is drawn
	}
	return c.random.IntN(len(c.cluster.Brokers))
}

// withoutBroker has something else happen while the broker, or one of its servers, is down.
func withoutBroker(ctx context.Context, c *chaos, other func() error) error {
	i := c.broker()
	c.log.Info("broker is told to leave", "server", i)
	if err := c.cluster.Brokers[i].Stop(c.cluster.Stack.Grace); err != nil {
		return err
	}
	if err := other(); err != nil {
		return err
	}
	sleep(ctx, downTime)
	c.log.Info("broker comes back", "server", i)
	return c.cluster.RestartBroker(ctx, i)
}

// comeBackWithoutBroker has one client in ten lose its connections for a moment.
func comeBackWithoutBroker(ctx context.Context, c *chaos) error {
	return withoutBroker(ctx, c, func() error {
		for _, n := range c.tenth() {
			c.clients[n].line.Cut(false)
			c.clients[n].line.Mend()
		}
		return nil
	})
}

func killWithoutBroker(ctx context.Context, c *chaos) error {
	err := withoutBroker(ctx, c, func() error {
		i := c.gateway()
		c.log.Info("gateway is killed", "gateway", c.cluster.Gateways[i].Name)
		return c.cluster.Leave(i, c.cluster.Kill)
	})
	if err != nil {
		return err
	}
	_, err = c.cluster.StartGateway(ctx)
	return err
}

// gateway chooses one by its index, but not the newest, which may have no clients yet.
func (c *chaos) gateway() int { return c.random.IntN(max(1, len(c.cluster.Gateways)-1)) }

// tenth chooses one client in ten.
func (c *chaos) tenth() []int {
	chosen := c.random.Perm(len(c.clients))[:(len(c.clients)+9)/10]
	c.log.Info("clients are cut off", "clients", chosen)
	return chosen
}

// cutClients cuts one client in ten. For half of them the server is not told, and finds out when
// the network is back.
func cutClients(ctx context.Context, c *chaos) error {
	chosen := c.tenth()
	for i, n := range chosen {
		c.clients[n].line.Cut(i%2 == 0)
	}
	sleep(ctx, cutTime)
	for _, n := range chosen {
		c.clients[n].line.Mend()
	}
	return nil
}

func partition(ctx context.Context, c *chaos) error {
	g := c.cluster.Gateways[c.gateway()]
	c.log.Info("gateway is cut off the broker", "gateway", g.Name)
	g.CutBroker()
	sleep(ctx, partitionTime)
	g.MendBroker()
	return nil
}
