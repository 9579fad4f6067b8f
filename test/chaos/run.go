// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/ledger"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/stack"
)

const (
	roomMembers = 10
	// joinedInterval is the time between two looks at whether all clients are in their rooms.
	joinedInterval = 20 * time.Millisecond
)

// Options say how a run is.
type Options struct {
	// Stack is what is tested. Dir, which is there, is for the logs of its processes.
	Stack stack.Stack
	Dir   string
	// Clients is a multiple of ten, since ten are in each room. Polling of them speak by polling,
	// the others by websocket.
	Clients, Polling int
	// Stock is how many stock clients of each kind there are besides, and StockDir the folder
	// test/clients.
	Stock    int
	StockDir string
	Gateways int
	// Rate is messages per second, of all clients together.
	Rate float64
	// Affinity keeps each client on its gateway.
	Affinity bool
	// Scale is by what the clients' reconnection delays are multiplied: 1 is stock.
	Scale float64
	// AckTimeout is how long a publisher waits for an acknowledgement until it emits again.
	AckTimeout time.Duration
	// Seed decides who publishes when, what fails, and how long clients wait.
	Seed uint64
	// Faults to run, each in a phase of its own, in this order. For a Duration, if there is one,
	// they are drawn instead.
	Faults   []string
	Duration time.Duration
	// Deadline is how long after a phase's last message all must have arrived.
	Deadline time.Duration
	Log      *slog.Logger
}

// updates reports whether gateways begin with the previous program, which takes an update to end.
func (o *Options) updates() bool {
	return o.Stack.HasPrevious() && (o.Duration > 0 || slices.Contains(o.Faults, updateFault))
}

// Run runs a service and its faults, and returns what each did.
func Run(ctx context.Context, o Options) (results []ledger.Result, err error) {
	if o.Clients < roomMembers || o.Clients%roomMembers != 0 || o.Polling > o.Clients {
		return nil, fmt.Errorf("%d clients, %d by polling: rooms have %d members each", o.Clients, o.Polling, roomMembers)
	}
	b := stack.NewBalancer(o.Affinity)
	c, err := stack.Start(ctx, o.Stack, o.Dir, o.Gateways, b, o.updates())
	defer func() { err = errors.Join(err, c.Close()) }()
	if err != nil {
		return nil, err
	}
	r := &run{
		o: o,
		world: &world{
			balancer: b, ledger: ledger.New(o.Clients/roomMembers, roomMembers, o.guests()),
			scale: o.Scale, ackTimeout: o.AckTimeout, seed: o.Seed,
		},
		chaos:  &chaos{log: o.Log, cluster: c, random: rand.New(rand.NewPCG(o.Seed, 1<<63))},
		random: rand.New(rand.NewPCG(o.Seed, 1<<62)),
		seqs:   make([]int, o.Clients+o.guests()),
	}
	stop := r.startClients(ctx)
	defer stop()
	stopGuests, err := r.startGuests(ctx)
	defer func() { err = errors.Join(err, stopGuests()) }()
	if err != nil {
		return nil, err
	}
	if err := r.allJoined(ctx); err != nil {
		return nil, err
	}
	return r.phases(ctx)
}

// run is one run. It is for one goroutine.
type run struct {
	o      Options
	world  *world
	chaos  *chaos
	random *rand.Rand
	seqs   []int // the last sequence number of each publisher
	turn   int   // of the rooms
	guests []*guest
}

// startClients starts them all; stop waits until they have ended.
func (r *run) startClients(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for id := range r.o.Clients {
		// Every fifth of a thousand is one by polling, so that rooms have both.
		polling := id*r.o.Polling/r.o.Clients != (id+1)*r.o.Polling/r.o.Clients
		c := newClient(r.world, id, id/roomMembers, polling)
		r.chaos.clients = append(r.chaos.clients, c)
		running.Go(func() { c.run(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// allJoined waits until every client is in its room.
func (r *run) allJoined(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.Deadline)
	defer cancel()
	tick := time.NewTicker(joinedInterval)
	defer tick.Stop()
	for {
		if err := r.heal(ctx); err != nil {
			return err
		}
		absent := r.absent()
		if len(absent) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for clients to be in their rooms: %v are not: %w", absent, ctx.Err())
		}
	}
}

// absent are the clients that are not in their rooms.
func (r *run) absent() (names []string) {
	for _, c := range r.chaos.clients {
		if !c.joined.Load() {
			names = append(names, strconv.Itoa(c.id))
		}
	}
	for _, g := range r.guests {
		if !g.joined.Load() {
			names = append(names, fmt.Sprintf("%d (%s by %v)", g.id, g.kind.name, g.kind.by))
		}
	}
	return names
}

func (r *run) heal(ctx context.Context) error {
	if r.chaos.cluster == nil { // a test that has a server of its own
		return nil
	}
	return r.chaos.cluster.Heal(ctx)
}

func (r *run) phases(ctx context.Context) ([]ledger.Result, error) {
	var results []ledger.Result
	end := time.Now().Add(r.o.Duration)
	for i := 0; ; i++ {
		f, more, err := r.fault(i, end)
		if err != nil || !more {
			return results, err
		}
		if !f.fits(r.o.Stack) {
			continue
		}
		res, err := r.phase(ctx, f)
		if err != nil {
			return results, fmt.Errorf("%s: %w", f.name, err)
		}
		results = append(results, res)
		r.o.Log.Info("phase is over", "fault", res.Fault, "messages", res.Messages, "lost", res.Lost, "duplicated", res.Duplicated,
			"disordered", res.Disordered, "refused", res.Refused, "told", res.Told, "faults", res.Faults, "reasons", res.Reasons)
	}
}

// fault is the ith.
func (r *run) fault(i int, end time.Time) (f fault, more bool, err error) {
	if r.o.Duration > 0 && i == 0 && r.o.updates() {
		f, err = faultNamed(updateFault)
		return f, true, err
	}
	if r.o.Duration > 0 {
		return faults[r.random.IntN(len(faults))], time.Now().Before(end), nil
	}
	if i == len(r.o.Faults) {
		return fault{}, false, nil
	}
	f, err = faultNamed(r.o.Faults[i])
	return f, true, err
}

// phase publishes while a fault happens, until every client is back in its room and a while beyond,
// and then waits until all has arrived or the deadline is over.
func (r *run) phase(ctx context.Context, f fault) (ledger.Result, error) {
	r.world.ledger.Begin()
	r.o.Log.Info("phase", "fault", f.name)
	publishing, stop := context.WithCancel(ctx)
	var publisher sync.WaitGroup
	publisher.Go(func() { r.publish(publishing) })
	var absent int
	err := func() error {
		defer publisher.Wait()
		defer stop()
		sleep(ctx, time.Duration(r.chaos.random.Int64N(int64(warmTime))))
		if err := f.do(ctx, r.chaos); err != nil {
			return err
		}
		if err := r.allJoined(ctx); err != nil {
			r.o.Log.Error("clients have not come back", "error", err)
		}
		absent = len(r.absent())
		sleep(ctx, warmTime)
		return ctx.Err()
	}()
	if err != nil {
		return ledger.Result{}, err
	}
	r.settle(ctx)
	res := r.world.ledger.Result(f.name)
	res.Absent = absent
	f.judge(&res)
	res.Overstayed = r.chaos.cluster.Overstayed
	if f.planned && len(r.chaos.cluster.Gateways) > 1 {
		res.Bounced = r.world.ledger.Bounced()
	}
	res.Crashed = r.chaos.cluster.Crashed
	r.chaos.cluster.Overstayed, r.chaos.cluster.Crashed = 0, 0
	return res, nil
}

// settle waits until all that was published has been acknowledged and has arrived.
func (r *run) settle(ctx context.Context) {
	deadline := time.NewTimer(r.o.Deadline)
	defer deadline.Stop()
	for r.world.ledger.Pending() > 0 {
		select {
		case <-r.world.ledger.Settled():
		case <-deadline.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// publish has a member of each room in turn say something, at the rate, until the context ends.
func (r *run) publish(ctx context.Context) {
	begin := time.Now()
	phase := r.world.ledger.Phase()
	for n := 0; ; n++ {
		sleep(ctx, time.Until(begin.Add(time.Duration(float64(n)/r.o.Rate*float64(time.Second)))))
		if ctx.Err() != nil {
			return
		}
		r.publishOne(phase)
	}
}

// publishOne has a member of the next room say something.
func (r *run) publishOne(phase int) {
	room := r.turn % (r.o.Clients / roomMembers)
	publisher, say := r.publisher(room)
	r.seqs[publisher]++
	m := protocol.Message{Room: room, Publisher: publisher, Seq: r.seqs[publisher], Phase: phase}
	if r.turn%oversizedEvery == 0 {
		m.Padding = int(r.chaos.padding.Load())
	}
	r.turn++
	r.world.ledger.Queued(m)
	say(m)
}

// publisher chooses a member of a room.
func (r *run) publisher(room int) (id int, say func(protocol.Message)) {
	n := r.random.IntN(r.world.ledger.Members(room))
	if n < roomMembers {
		id = room*roomMembers + n
		return id, r.chaos.clients[id].say
	}
	g := r.guests[(n-roomMembers)*r.world.ledger.Rooms()+room]
	return g.id, g.say
}
