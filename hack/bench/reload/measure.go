// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/gateway"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/broker"
)

// result is what has happened in one run.
type result struct {
	settings
	// events were handled in all, during of them while a reload was going on.
	events, during int
	// stay and leave are how many clients may stay on the floor, and how many may not.
	stay, leave int
	// quiet and loaded are how long events took before the first reload, and from then on, sorted.
	quiet, loaded []time.Duration
	// reloads is how long each took, sorted.
	reloads []time.Duration
}

// bench is a run.
type bench struct {
	settings
	issuer  *issuer
	gateway *gateway.Gateway
	address string
	clients []*client
	handled chan handled
}

// handled is an event of a client.
type handled struct {
	revision int
	sent     time.Time
	took     time.Duration
}

// measure serves clients while it reloads. It fails if a client loses its connection, if an event
// is handled by two revisions, or by one that was replaced before it was sent, and if others leave
// the floor than those that have to.
func measure(ctx context.Context, s settings, dir string) (*result, error) {
	b := &bench{settings: s, handled: make(chan handled, s.clients)}
	var err error
	if b.issuer, err = newIssuer(dir); err != nil {
		return nil, err
	}
	nats, err := broker.Start(server.Options{})
	if err != nil {
		return nil, err
	}
	defer nats.WaitForShutdown()
	defer nats.Shutdown()
	stop, err := b.serve(ctx, nats.ClientURL())
	if err != nil {
		return nil, err
	}
	r, err := b.run(ctx)
	return r, errors.Join(err, stop())
}

// serve starts the gateway, which stop ends.
func (b *bench) serve(ctx context.Context, natsURL string) (stop func() error, err error) {
	svc, err := serviceAt(ctx, 0)
	if err != nil {
		return nil, err
	}
	b.gateway, err = gateway.New(svc, "", gateway.Options{Name: "reload", NATSURLs: []string{natsURL}, AuthenticationDir: b.issuer.dir, Log: b.log})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), b.gateway.Close())
	}
	b.address = l.Addr().String()
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- gateway.Serve(ctx, l, b.gateway.Handler()) }()
	return func() error {
		cancel()
		return errors.Join(<-served, b.gateway.Close())
	}, nil
}

func (b *bench) run(ctx context.Context) (*result, error) {
	defer func() {
		for _, c := range b.clients {
			c.close()
		}
	}()
	if err := b.connect(ctx); err != nil {
		return nil, err
	}
	talking, stop := context.WithCancel(ctx)
	defer stop()
	talk, talking := errgroup.WithContext(talking)
	for _, c := range b.clients {
		talk.Go(func() error { return b.talk(ctx, talking, c) })
	}
	r, err := b.reload(talking)
	stop()
	go func() { // for those that have something to tell still
		for range b.handled {
		}
	}()
	err = errors.Join(talk.Wait(), err)
	close(b.handled)
	if err != nil {
		return nil, err
	}
	return r, b.checkFloor(ctx, r)
}

// connect has all clients enter the floor. Half of them have to leave it.
func (b *bench) connect(ctx context.Context) error {
	for i := range b.settings.clients {
		level := i % (2 * b.settings.reloads)
		token, err := b.issuer.token(fmt.Sprintf("user-%d", i), level, 0)
		if err != nil {
			return err
		}
		c, err := dial(ctx, b.address, token, level)
		if err != nil {
			return err
		}
		b.clients = append(b.clients, c)
		if err := c.ask(ctx, "enter", "in"); err != nil {
			return err
		}
	}
	return nil
}

// talk sends one event after the other until talking ends.
func (b *bench) talk(ctx, talking context.Context, c *client) error {
	for talking.Err() == nil {
		sent := time.Now()
		within, cancel := context.WithTimeout(ctx, patience)
		revision, err := c.say(within)
		cancel()
		if err != nil {
			return fmt.Errorf("a client of level %d: %w", c.level, err)
		}
		select {
		case b.handled <- handled{revision, sent, time.Since(sent)}:
		case <-talking.Done():
		}
		pause(talking, b.pace)
	}
	return nil
}

// pause waits between two events.
func pause(ctx context.Context, pace time.Duration) {
	if pace == 0 {
		return
	}
	select {
	case <-time.After(pace):
	case <-ctx.Done():
	}
}

// reload has a number of events handled before the first reload, and between each two.
func (b *bench) reload(ctx context.Context) (*result, error) {
	r := &result{settings: b.settings}
	replaced := []time.Time{{}} // when each revision was in force
	take := func(h handled, to *[]time.Duration) error {
		r.events++
		*to = append(*to, h.took)
		if next := h.revision + 1; next < len(replaced) && h.sent.After(replaced[next]) {
			return fmt.Errorf("revision %d has handled an event that was sent when the next one was in force", h.revision)
		}
		return nil
	}
	wait := func(events int, to *[]time.Duration) error {
		for range events {
			select {
			case h := <-b.handled:
				if err := take(h, to); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	}
	if err := wait(b.settings.clients*b.between, &r.quiet); err != nil {
		return nil, err
	}
	for revision := 1; revision <= b.settings.reloads; revision++ {
		began, applied := time.Now(), make(chan error, 1)
		go func() { applied <- b.apply(ctx, revision) }()
		for done := false; !done; {
			select {
			case h := <-b.handled:
				r.during++
				if err := take(h, &r.loaded); err != nil {
					return nil, errors.Join(err, <-applied)
				}
			case err := <-applied:
				if err != nil {
					return nil, err
				}
				done = true
			}
		}
		now := time.Now()
		replaced, r.reloads = append(replaced, now), append(r.reloads, now.Sub(began))
		if err := b.newcomers(ctx, revision); err != nil {
			return nil, err
		}
		if err := wait(b.settings.clients*b.between, &r.loaded); err != nil {
			return nil, err
		}
	}
	for _, sorted := range [][]time.Duration{r.quiet, r.loaded, r.reloads} {
		slices.Sort(sorted)
	}
	return r, nil
}

// apply has the next revision, and its keys, in force.
func (b *bench) apply(ctx context.Context, revision int) error {
	if err := b.issuer.rotate(); err != nil {
		return err
	}
	svc, err := serviceAt(ctx, revision)
	if err != nil {
		return err
	}
	return b.gateway.Apply(svc, fmt.Sprint(revision))
}

// newcomers are admitted by the newest key, and refused by one that was withdrawn, with the message
// of the newest revision.
func (b *bench) newcomers(ctx context.Context, revision int) error {
	token, err := b.issuer.token("newcomer", 0, revision)
	if err != nil {
		return err
	}
	c, err := dial(ctx, b.address, token, 0)
	if err != nil {
		return fmt.Errorf("a client with a token of revision %d: %w", revision, err)
	}
	c.close()
	if revision < kept {
		return nil
	}
	if token, err = b.issuer.token("latecomer", 0, revision-kept); err != nil {
		return err
	}
	if c, err = dial(ctx, b.address, token, 0); err == nil {
		c.close()
		return fmt.Errorf("a client is admitted by a key that revision %d has withdrawn", revision)
	}
	if want := fmt.Sprintf("refused by %d\"", revision); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), want) {
		return fmt.Errorf("a client with a withdrawn key is not %s: %w", want, err)
	}
	return nil
}

// checkFloor compares who is on the floor, and who was told to leave it, with who has to be. What a
// client hears comes before the answer to what it says later.
func (b *bench) checkFloor(ctx context.Context, r *result) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, c := range b.clients {
		if c.level >= b.settings.reloads {
			continue
		}
		select {
		case <-c.told:
		case <-ctx.Done():
			return errors.New("a client that may not be on the floor is not told")
		}
	}
	if err := b.clients[0].ask(ctx, "tick", "sent"); err != nil {
		return err
	}
	for i, c := range b.clients {
		if _, err := c.say(ctx); err != nil {
			return err
		}
		want := [2]int32{1, 0} // told to leave, and hears nothing
		if r.leave++; c.level >= b.settings.reloads {
			want = [2]int32{0, 1}
			r.leave, r.stay = r.leave-1, r.stay+1
		}
		if got := [2]int32{c.forbidden.Load(), c.ticks.Load()}; got != want {
			return fmt.Errorf("client %d, of level %d, was told to leave the floor, and has heard something there, %v times; want %v", i, c.level, got, want)
		}
	}
	return nil
}
