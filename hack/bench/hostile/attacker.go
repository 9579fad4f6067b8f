// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// burst is how many bytes the attacker's bucket holds: more than any one write.
const burst = 2 << 20

// attacker is who misbehaves: the clients of one row. Safe for concurrent use.
type attacker struct {
	row     row
	address string
	// pace bounds what is sent, in bytes a second, once the attack has begun.
	pace  *rate.Limiter
	begun chan struct{}
	// hushed is closed when nothing is to be sent any more, for a look at what is held.
	hushed chan struct{}
	// over ends all.
	over context.Context
	// sent counts bytes since then, done how often the row's attack has come to its end.
	sent, done atomic.Int64
	// serial numbers what is to be new each time.
	serial atomic.Int64

	mu   sync.Mutex
	ends map[string]int // how the gateway has ended connections; guarded by mu
	open int            // connections of websockets; guarded by mu
}

// outcome is what an attacker's process tells.
type outcome struct {
	Sent, Done int64
	// Ends is how connections have ended that the attacker has not closed himself, Open how many
	// there were in the end.
	Ends map[string]int
	Open int
	// Seconds is how long the attack has lasted.
	Seconds float64
}

func newAttacker(ctx context.Context, r row, address string, bytesPerSecond float64) *attacker {
	limit := rate.Limit(bytesPerSecond)
	if bytesPerSecond == 0 {
		limit = rate.Inf
	}
	a := &attacker{
		row: r, address: address, pace: rate.NewLimiter(limit, burst),
		begun: make(chan struct{}), hushed: make(chan struct{}), over: ctx, ends: map[string]int{},
	}
	a.pace.AllowN(time.Now(), burst) // it begins empty
	return a
}

// attackUntil is the attacker's process. It says when its clients are there, attacks until its
// input ends, and tells what came of it.
func attackUntil(ctx context.Context, r row, address string, bytesPerSecond float64, input io.Reader, output io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	a := newAttacker(ctx, r, address, bytesPerSecond)
	go func() {
		defer stop()
		if n, _ := input.Read(make([]byte, 1)); n > 0 {
			close(a.hushed)
		}
		_, _ = io.Copy(io.Discard, input) // until its end
	}()
	told := make(chan error, 1)
	go func() {
		<-a.begun
		_, err := fmt.Fprintln(output, "begun")
		told <- err
	}()
	o, err := a.attack()
	if err != nil {
		return err
	}
	return errors.Join(<-told, json.NewEncoder(output).Encode(o))
}

// attack lasts until it is over.
func (a *attacker) attack() (*outcome, error) {
	ctx := a.over
	first := make(chan error, a.row.clients)
	var all sync.WaitGroup
	for range a.row.clients {
		all.Go(func() { a.misbehave(ctx, first) })
	}
	for range a.row.clients {
		if err := <-first; err != nil && ctx.Err() == nil {
			close(a.begun)
			return nil, fmt.Errorf("prepare the attack: %w", err)
		}
	}
	begin := time.Now()
	close(a.begun)
	<-ctx.Done()
	o := &outcome{Sent: a.sent.Load(), Done: a.done.Load(), Seconds: time.Since(begin).Seconds()}
	a.mu.Lock()
	o.Ends, o.Open = maps.Clone(a.ends), a.open
	a.mu.Unlock()
	all.Wait()
	return o, nil
}

// misbehave is one of the clients. It comes again when the gateway has thrown it out.
func (a *attacker) misbehave(ctx context.Context, first chan<- error) {
	for ctx.Err() == nil {
		c, err := a.prepared(ctx)
		if first != nil {
			first <- err
			first = nil
			select {
			case <-a.begun:
			case <-ctx.Done():
			}
		}
		if err != nil {
			a.ended(err)
			if a.wait(ctx, pauseBytes) != nil { // a gateway that lets nobody in is not asked all the time
				return
			}
			continue
		}
		for err == nil && ctx.Err() == nil {
			if err = a.row.act(ctx, a, c); err == nil {
				a.done.Add(1)
			}
		}
		if ctx.Err() == nil && !errors.Is(err, errAgain) {
			a.ended(err)
		}
		if c != nil {
			c.close()
		}
	}
}

// pauseBytes is what an attempt to connect that has failed counts as.
const pauseBytes = 500

// errAgain is of an attack that has come to its end, and is done again by a client of its own.
var errAgain = errors.New("done")

func (a *attacker) prepared(ctx context.Context) (*client, error) {
	if a.row.prepare == nil {
		return nil, nil
	}
	return a.row.prepare(ctx, a)
}

// wait has the attack keep to its pace.
func (a *attacker) wait(ctx context.Context, bytes int) error {
	select {
	case <-a.begun:
	default:
		return nil
	}
	select {
	case <-a.hushed:
		<-ctx.Done()
		return ctx.Err()
	default:
	}
	for bytes > burst {
		if err := a.pace.WaitN(ctx, burst); err != nil {
			return err
		}
		bytes -= burst
	}
	return a.pace.WaitN(ctx, bytes)
}

// counted is a connection whose bytes are counted, and paced.
type counted struct {
	*net.TCPConn
	ctx context.Context
	a   *attacker
}

func (c *counted) Write(data []byte) (int, error) {
	if err := c.a.wait(c.ctx, len(data)); err != nil {
		return 0, err
	}
	n, err := c.TCPConn.Write(data)
	c.a.count(n)
	return n, err
}

// What a network carries besides what is written: headers of IP and TCP in front of each segment.
const (
	segment = 1448
	headers = 52
	// opening is what it takes to open a connection and to close it again: three segments of the
	// client's.
	opening = 3 * headers
)

// count counts what was written at once as a network carries it.
func (a *attacker) count(written int) {
	select {
	case <-a.begun:
		a.sent.Add(int64(written + headers*((written+segment-1)/segment)))
	default:
	}
}

// dial connects. The connection ends with the context.
func (a *attacker) dial(ctx context.Context) (net.Conn, error) {
	if err := a.wait(ctx, opening); err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", a.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	select {
	case <-a.begun:
		a.sent.Add(opening)
	default:
	}
	return &counted{conn.(*net.TCPConn), ctx, a}, nil
}

// ended counts how the gateway has ended a connection.
func (a *attacker) ended(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends[endOf(err)]++
}

func (o *outcome) add(other *outcome) {
	o.Sent += other.Sent
	o.Done += other.Done
	o.Seconds += other.Seconds
	o.Open = other.Open
	if o.Ends == nil {
		o.Ends = map[string]int{}
	}
	for end, n := range other.Ends {
		o.Ends[end] += n
	}
}

// String tells the most frequent ends first.
func (o *outcome) String() string {
	names := slices.SortedFunc(maps.Keys(o.Ends), func(x, y string) int { return o.Ends[y] - o.Ends[x] })
	parts := make([]string, 0, len(names)+1)
	if o.Open > 0 {
		parts = append(parts, fmt.Sprintf("%d stay", o.Open))
	}
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", o.Ends[name], name))
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}
