// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/ledger"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/stack"
)

// patience is how long anything may take on a machine that is busy.
const patience = 20 * time.Second

// serve starts a server with the handlers that a service has here, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	server, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server.OnConnection(func(s *socketio.Socket) {
		s.On("join", func(ev *socketio.Event) {
			var room string
			if err := ev.Args.Decode(0, &room); err != nil {
				t.Error(err)
			}
			s.Join(room)
			if err := ev.Reply("ok"); err != nil {
				t.Error(err)
			}
		})
		s.On("say", func(ev *socketio.Event) {
			var room string
			var m json.RawMessage
			if err := ev.Args.Decode(0, &room); err != nil {
				t.Error(err)
			}
			if err := ev.Args.Decode(1, &m); err != nil {
				t.Error(err)
			}
			server.To(room).Emit("said", m)
			if err := ev.Reply("ok"); err != nil {
				t.Error(err)
			}
		})
	})
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		server.Close()
		web.Close()
	})
	return strings.TrimPrefix(web.URL, "http://")
}

// startRun starts clients in one room, half of them by polling, and waits until they are there.
func startRun(t *testing.T) *run {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	b := stack.NewBalancer(false)
	b.Add(serve(t))
	log := slog.New(slog.DiscardHandler)
	r := &run{
		o: Options{Clients: roomMembers, Polling: roomMembers / 2, Rate: 200, Deadline: patience, Log: log},
		world: &world{
			balancer: b, ledger: ledger.New(1, roomMembers, 0), scale: 0.01, ackTimeout: patience, seed: 1,
		},
		chaos:  &chaos{log: log, random: rand.New(rand.NewPCG(1, 1))},
		random: rand.New(rand.NewPCG(1, 2)),
		seqs:   make([]int, roomMembers),
	}
	t.Cleanup(r.startClients(t.Context()))
	if err := r.allJoined(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryMessageArrivesOnceAndInOrder(t *testing.T) {
	r := startRun(t)
	r.say(100)
	r.settle(t.Context())
	res := r.world.ledger.Result("")
	if wrong := res.Failed(false); wrong != nil || res.Messages != 100 || res.Deliveries != 1000 {
		t.Errorf("got %+v: %v", res, wrong)
	}
}

func TestClientsComeBackToTheirRooms(t *testing.T) {
	for name, silent := range map[string]bool{"the server sees the cut": false, "the server does not": true} {
		t.Run(name, func(t *testing.T) {
			r := startRun(t)
			for _, c := range r.chaos.clients {
				c.line.Cut(silent)
			}
			r.await(t, func() bool {
				for _, c := range r.chaos.clients {
					if c.joined.Load() {
						return false
					}
				}
				return true
			})
			r.say(10) // while nobody is there
			for _, c := range r.chaos.clients {
				c.line.Mend()
			}
			if err := r.allJoined(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.await(t, func() bool { return r.world.ledger.Result("").Unacked == 0 })

			// Without recovery, who joins late misses what was said, unless it was said after.
			r.world.ledger.Begin()
			r.say(20)
			r.settle(t.Context())
			if res := r.world.ledger.Result(""); res.Lost > 0 || res.Unacked > 0 {
				t.Errorf("got %+v", res)
			}
		})
	}
}

// say has members publish so many messages.
func (r *run) say(n int) {
	for range n {
		r.publishOne(r.world.ledger.Phase())
	}
}

func (r *run) await(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v", patience)
		}
	}
}
