// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// network loses what is sent, and now and then says a thing twice, as NATS will not do when a test
// asks for it.
type network struct {
	mu       sync.Mutex
	random   *rand.Rand
	loss     float64
	trackers map[string]*presence.Tracker
	wires    map[string]chan []byte
	done     sync.WaitGroup
}

func newNetwork(seed uint64) *network {
	return &network{random: rand.New(rand.NewPCG(seed, 1)), trackers: map[string]*presence.Tracker{}, wires: map[string]chan []byte{}}
}

// add makes a gateway. What comes to it is taken one by one, as package cluster does.
func (n *network) add(t *testing.T, id string) *presence.Tracker {
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { io.Close() })
	rooms := io.Of("/").Adapter().(*socketio.Rooms)
	tracker := presence.New(io.Of("/"), rooms, lossy{n, id})
	rooms.Watch(tracker)
	tracker.Configure(presence.Config{Tracks: everyRoom})
	wire := make(chan []byte, 1<<16)
	n.mu.Lock()
	n.trackers[id], n.wires[id] = tracker, wire
	n.mu.Unlock()
	n.done.Go(func() {
		for data := range wire {
			if err := tracker.Receive(data); err != nil {
				t.Error(err)
			}
		}
	})
	return tracker
}

func (n *network) close() {
	n.mu.Lock()
	for id, wire := range n.wires {
		close(wire)
		delete(n.wires, id)
	}
	n.mu.Unlock()
	n.done.Wait()
}

func (n *network) carry(from, to string, data []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, wire := range n.wires {
		if id == from || to != "" && id != to {
			continue
		}
		switch x := n.random.Float64(); {
		case x < n.loss:
		case x < n.loss*1.2:
			wire <- data
			wire <- data
		default:
			wire <- data
		}
	}
	return nil
}

func (n *network) lose(loss float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = loss
}

// lossy is a gateway's link to a network.
type lossy struct {
	network *network
	id      string
}

func (l lossy) ID() string                             { return l.id }
func (l lossy) Connected() bool                        { return true }
func (l lossy) Listen(string)                          {}
func (l lossy) Unlisten(string)                        {}
func (l lossy) Publish(_ string, data []byte) error    { return l.network.carry(l.id, "", data) }
func (l lossy) Send(gateway string, data []byte) error { return l.network.carry(l.id, gateway, data) }
func (l lossy) Pages(context.Context, string, string, int) ([]presence.Page, error) {
	return nil, errors.New("not here")
}

func TestWhateverIsLostTheGatewaysAgreeInTheEnd(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			checkNothingIsLeft(t)
			n := newNetwork(seed)
			defer n.close()
			trackers := map[string]*presence.Tracker{}
			here := map[string][]string{}
			for _, id := range []string{"a", "b", "c", "d"} {
				trackers[id] = n.add(t, id)
			}
			random := rand.New(rand.NewPCG(seed, 2))
			n.lose(0.4)
			next := 0
			step := time.NewTicker(time.Millisecond)
			defer step.Stop()
			for range 400 {
				<-step.C
				id := []string{"a", "b", "c", "d"}[random.IntN(4)]
				if k := len(here[id]); k > 0 && random.IntN(5) < 2 {
					i := random.IntN(k)
					trackers[id].Leave(here[id][i], "room")
					here[id] = slices.Delete(here[id], i, i+1)
					continue
				}
				next++
				member := fmt.Sprintf("%s%05d", id, next)
				trackers[id].Enter(member, "room")
				here[id] = append(here[id], member)
			}
			// One goes for good, and nobody may hear of it.
			for _, member := range here["d"] {
				trackers["d"].Leave(member, "room")
			}
			delete(here, "d")
			wiretest.Await(t, "it to be gone", func() bool { return !trackers["d"].Holds("room") })
			n.lose(0)

			now := time.Now()
			want := slices.Sorted(slices.Values(slices.Concat(here["a"], here["b"], here["c"])))
			for _, id := range []string{"a", "b", "c"} {
				wiretest.Await(t, "gateway "+id, func() bool {
					now = now.Add(50 * time.Millisecond) // the clock runs ten times as fast
					for _, tracker := range trackers {
						tracker.Beat(now)
					}
					return slices.Equal(idsOf(trackers[id]), want)
				})
			}
		})
	}
}

func idsOf(tracker *presence.Tracker) []string {
	var ids []string
	for _, m := range tracker.Held("room", "", presence.MaxPage).Members {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestAGatewayThatNobodyKnowsIsAskedAFewTimesOnly(t *testing.T) {
	checkNothingIsLeft(t)
	n := newNetwork(1)
	defer n.close()
	tracker := n.add(t, "a")
	asked := make(chan []byte, 100)
	n.mu.Lock()
	n.wires["ghost"] = asked
	n.mu.Unlock()
	tracker.Enter("a1", "room")
	wiretest.Await(t, "the room", func() bool { return len(idsOf(tracker)) == 1 })
	ghost := presence.Delta("ghost", "room", 6, 7, "g1")
	if err := tracker.Receive(ghost); err != nil {
		t.Fatal(err)
	}
	if got := idsOf(tracker); len(got) != 1 {
		t.Errorf("a delta that follows on something unknown is taken: %q", got)
	}
	now := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		<-tick.C
		now = now.Add(time.Second)
		tracker.Beat(now)
	}
	asks := 0
	for range len(asked) {
		if presence.Asks(<-asked) == "ghost" {
			asks++
		}
	}
	if asks < 1 || asks > 3 {
		t.Errorf("it is asked %d times", asks)
	}
	if err := tracker.Receive([]byte{9, 9}); err == nil {
		t.Error("a packet of another version is taken")
	}
}
