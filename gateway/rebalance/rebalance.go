// SPDX-License-Identifier: Apache-2.0

// Package rebalance has some clients of a gateway reconnect, so that other gateways get their share
// of them. It only asks clients that can be recovered, so that they miss nothing, and none that has
// just connected, so that no client is asked again and again.
package rebalance

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Options configure a Mover.
type Options struct {
	// EachNamespace calls a function for each namespace.
	EachNamespace func(func(*socketio.Namespace))
	// Allowed reports whether clients may be asked now. While the gateway leaves, it asks all of
	// them anyway; while sessions cannot be stored, a client that reconnects would lose its own.
	Allowed func() bool
	// Registerer registers the metric.
	Registerer prometheus.Registerer
	Log        *slog.Logger
}

// Order says which clients are asked to reconnect.
type Order struct {
	// Clients is how many are asked at most, over the time Within, at an even pace.
	Clients int
	Within  time.Duration
	// MinConnected is how long a client must have been connected.
	MinConnected time.Duration
}

// Mover carries orders out. Safe for concurrent use. Close ends it.
type Mover struct {
	Options
	moved prometheus.Counter

	mu sync.Mutex
	// stop ends the order that is being carried out. Guarded by mu.
	stop   context.CancelFunc
	closed bool // guarded by mu
	tasks  sync.WaitGroup
}

// New makes a mover that has no order.
func New(o Options) *Mover {
	m := &Mover{Options: o, stop: func() {}}
	m.moved = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "realtime_clients_moved_total",
		Help: "Clients that were asked to reconnect, so that other gateways get their share of them.",
	})
	o.Registerer.MustRegister(m.moved)
	return m
}

// Take begins to carry an order out, in place of the last one.
func (m *Mover) Take(o Order) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop()
	if m.closed || o.Clients <= 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.tasks.Go(func() {
		defer stop()
		m.run(ctx, o)
	})
}

// Close ends the order that is being carried out, and takes no more.
func (m *Mover) Close() {
	m.mu.Lock()
	m.closed = true
	m.stop()
	m.mu.Unlock()
	m.tasks.Wait()
}

func (m *Mover) run(ctx context.Context, o Order) {
	sockets := m.choose(o.Clients, time.Now().Add(-o.MinConnected))
	start, moved := time.Now(), 0
	for i, socket := range sockets {
		// Each at a random time within its own part of the whole, so that gateways do not act at
		// the same moments.
		at := (float64(i) + rand.Float64()) / float64(len(sockets)) * float64(o.Within) //nolint:gosec // no secret
		select {
		case <-time.After(time.Until(start.Add(time.Duration(at)))):
		case <-ctx.Done():
			return
		}
		if !m.Allowed() {
			return
		}
		if socket.Connected() {
			socket.InterruptFor(ending.Rebalance)
			m.moved.Inc()
			moved++
		}
	}
	m.Log.Info("clients were asked to reconnect to other gateways", "asked", moved, "ordered", o.Clients)
}

// choose returns a socket each of at most n clients that have connected before a time, and whose
// sockets can all be recovered. Which ones, is random.
func (m *Mover) choose(n int, before time.Time) []*socketio.Socket {
	clients := map[any]*socketio.Socket{} // by connection; nil for those that stay
	m.EachNamespace(func(ns *socketio.Namespace) {
		for _, socket := range ns.Sockets() {
			connection := socket.Connection()
			if other, seen := clients[connection]; !socket.Recoverable() || seen && other == nil {
				socket = nil
			}
			clients[connection] = socket
		}
	})
	var chosen []*socketio.Socket
	for _, socket := range clients {
		if len(chosen) == n {
			break
		}
		if socket != nil && socket.Handshake().Time.Before(before) {
			chosen = append(chosen, socket)
		}
	}
	return chosen
}
