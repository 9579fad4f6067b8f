// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	modelGateways = 4
	modelSpare    = 25 // gateways that take the place of others
	modelSteps    = 400
	// modelCalm is within what all must agree: where a farewell is lost, and what would show that
	// it is, members are kept until they expire.
	modelCalm = 85 * time.Second
	heartbeat = 2500 * time.Millisecond
	dead      = 8 * time.Second
)

// Gateways that come and go, are cut off and come back, and lose packets, agree on who is in their
// rooms once all is quiet, and tell their clients so. The reference is a set for each gateway and
// room. Time is not real.
func TestGatewaysAgreeWhateverHappens(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			io, err := socketio.NewServer(socketio.Options{
				NewAdapter: func(*socketio.Namespace) socketio.Adapter { return &recorder{Rooms: socketio.NewRooms()} },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer io.Close()
			m := &model{random: rand.New(rand.NewPCG(seed, 7))}
			for i := range modelGateways + modelSpare {
				m.spare = append(m.spare, io.Of(fmt.Sprint("/", i)))
			}
			synctest.Test(t, m.run)
		})
	}
}

// model is a service of several gateways, and what is true of it.
type model struct {
	t     *testing.T
	spare []*socketio.Namespace
	// stop ends the goroutines, which done waits for.
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	random   *rand.Rand // guarded by mu
	loss     float64    // guarded by mu
	gateways []*modelGateway
	// all has those that are gone, too.
	all     []*modelGateway
	members int
}

// modelGateway is one of them. Its fields are guarded by the model's mu, but for what says
// otherwise.
type modelGateway struct {
	*presence.Tracker
	model *model
	id    string
	// here is who is in which room: the reference.
	here map[string]map[string]bool
	// cut off, or gone.
	cut, gone bool
	// since is when it was connected last.
	since time.Time
	// heard is when it has heard the heartbeats of others last.
	heard map[string]time.Time
	rooms map[string]bool // that it listens to
	wires map[string]chan packetOnWire
	views *recorder
	turn  sync.Mutex // held while it takes what others say, one by one
}

type packetOnWire struct {
	data []byte
	due  time.Time
}

func (m *model) run(t *testing.T) {
	m.t, m.stop = t, make(chan struct{})
	for range modelGateways {
		m.add()
	}
	for range modelSteps {
		time.Sleep(time.Duration(m.number(200)) * time.Millisecond)
		m.step()
	}
	m.calm()
	time.Sleep(modelCalm)
	synctest.Wait()
	m.check()
	m.promises()
	for _, g := range m.all {
		g.Closed()
	}
	close(m.stop)
	m.done.Wait()
	time.Sleep(time.Second) // timers find that nothing is left
}

func (m *model) number(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(n)
}

// add starts a gateway.
func (m *model) add() {
	ns := m.spare[0]
	m.spare = m.spare[1:]
	g := &modelGateway{
		model: m, id: fmt.Sprintf("gateway%d", len(m.all)), here: map[string]map[string]bool{}, since: time.Now(),
		heard: map[string]time.Time{}, rooms: map[string]bool{}, wires: map[string]chan packetOnWire{},
		views: ns.Adapter().(*recorder),
	}
	g.views.begin(m.t)
	g.Tracker = presence.New(ns, g.views, g)
	g.views.Watch(g.Tracker)
	g.Configure(presence.Config{Tracks: everyRoom})
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.all {
		g.connect(other)
		other.connect(g)
	}
	m.all, m.gateways = append(m.all, g), append(m.gateways, g)
	m.done.Go(g.beats)
}

// connect lays the wire on which one hears another. NATS keeps the order on it.
func (g *modelGateway) connect(from *modelGateway) {
	wire := make(chan packetOnWire, 1<<16)
	from.wires[g.id] = wire
	g.model.done.Go(func() {
		for {
			select {
			case p := <-wire:
				time.Sleep(time.Until(p.due))
				g.take(from, p.data)
			case <-g.model.stop:
				return
			}
		}
	})
}

func (g *modelGateway) take(from *modelGateway, data []byte) {
	g.model.mu.Lock()
	reached := !g.cut && !g.gone && !from.cut
	g.model.mu.Unlock()
	if !reached {
		return
	}
	g.turn.Lock()
	defer g.turn.Unlock()
	if err := g.Receive(data); err != nil {
		g.model.t.Error(err)
	}
}

// beats does what package membership does: it hears heartbeats, and gives up who is silent.
func (g *modelGateway) beats() {
	beat, look := time.NewTicker(heartbeat), time.NewTicker(heartbeat/5)
	defer beat.Stop()
	defer look.Stop()
	for {
		select {
		case now := <-beat.C:
			g.hear(now)
			g.turn.Lock()
			g.Beat(now)
			g.turn.Unlock()
		case now := <-look.C:
			lost := g.census(now)
			g.turn.Lock()
			for _, id := range lost {
				g.Lost(id)
			}
			g.turn.Unlock()
		case <-g.model.stop:
			return
		}
	}
}

func (g *modelGateway) hear(now time.Time) {
	m := g.model
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.all {
		if other != g && !g.cut && !g.gone && !other.cut && !other.gone {
			g.heard[other.id] = now
		}
	}
}

func (g *modelGateway) census(now time.Time) (lost []string) {
	g.model.mu.Lock()
	defer g.model.mu.Unlock()
	if g.cut || g.gone || now.Sub(g.since) < dead {
		return nil
	}
	for id, heard := range g.heard {
		if now.Sub(heard) >= dead {
			delete(g.heard, id)
			lost = append(lost, id)
		}
	}
	return lost
}

// step has something happen.
func (m *model) step() {
	g := m.gateways[m.number(len(m.gateways))]
	switch n := m.number(100); {
	case n < 45:
		m.enter(g)
	case n < 76:
		m.leave(g)
	case n < 80:
		m.empty(g)
	case n < 88:
		g.interrupt()
	case n < 90 && len(m.spare) > 1:
		m.end(g, func() {}) // killed
		m.add()
	case n < 92 && len(m.spare) > 1:
		m.end(g, g.Closed)
		m.add()
	default:
		m.mu.Lock()
		m.loss = []float64{0, 0, 0.05, 0.4}[m.random.IntN(4)]
		m.mu.Unlock()
	}
}

func (m *model) room() string { return fmt.Sprint("room ", m.number(3)) }

func (m *model) enter(g *modelGateway) {
	room := m.room()
	if len(g.here[room]) > 6 {
		return
	}
	m.members++
	id := fmt.Sprintf("%s-%04d", g.id, m.members)
	if g.here[room] == nil {
		g.here[room] = map[string]bool{}
	}
	g.here[room][id] = true
	g.Enter(id, room)
}

func (m *model) leave(g *modelGateway) {
	room := m.room()
	ids := slices.Sorted(maps.Keys(g.here[room]))
	if len(ids) == 0 {
		return
	}
	id := ids[m.number(len(ids))]
	delete(g.here[room], id)
	if len(g.here[room]) == 0 {
		g.views.forget(room)
	}
	g.Leave(id, room)
}

// empty has all leave a room.
func (m *model) empty(g *modelGateway) {
	room := m.room()
	g.views.forget(room)
	for id := range g.here[room] {
		g.Leave(id, room)
	}
	g.here[room] = nil
}

// interrupt cuts a gateway off, or connects it again.
func (g *modelGateway) interrupt() {
	m := g.model
	m.mu.Lock()
	g.cut = !g.cut
	back := !g.cut
	g.since = time.Now()
	m.mu.Unlock()
	if back {
		g.turn.Lock()
		g.Reconnected()
		g.turn.Unlock()
	}
}

func (m *model) end(g *modelGateway, goodbye func()) {
	goodbye()
	time.Sleep(time.Duration(m.number(50)) * time.Millisecond) // what it said last may be on its way
	m.mu.Lock()
	defer m.mu.Unlock()
	g.gone = true
	g.here = nil
	m.gateways = slices.DeleteFunc(m.gateways, func(other *modelGateway) bool { return other == g })
}

// calm ends all troubles.
func (m *model) calm() {
	m.mu.Lock()
	m.loss = 0
	m.mu.Unlock()
	for _, g := range m.gateways {
		if g.cut {
			g.interrupt()
		}
	}
}

// promises checks how soon others know, where nothing is lost.
func (m *model) promises() {
	m.add()
	newcomer := m.gateways[len(m.gateways)-1]
	for i := range 3 {
		room, id := fmt.Sprint("room ", i), fmt.Sprintf("%s-%d", newcomer.id, i)
		newcomer.here[room] = map[string]bool{id: true}
		newcomer.Enter(id, room)
	}
	time.Sleep(time.Second)
	m.check()
	time.Sleep(heartbeat) // it is heard of
	m.end(newcomer, func() {})
	time.Sleep(10 * time.Second) // as docs/how-to/presence.md says
	m.check()
}

// check compares what gateways hold, and what their clients were told, with the reference.
func (m *model) check() {
	for i := range 3 {
		room := fmt.Sprint("room ", i)
		var want []string
		for _, g := range m.gateways {
			want = slices.AppendSeq(want, maps.Keys(g.here[room]))
		}
		slices.Sort(want)
		for _, g := range m.gateways {
			if len(g.here[room]) == 0 {
				if g.Holds(room) {
					m.t.Errorf("%s holds %s, where it has no member", g.id, room)
				}
				continue
			}
			var got []string
			for _, member := range g.Held(room, "", presence.MaxPage).Members {
				got = append(got, member.ID)
			}
			if !slices.Equal(got, want) {
				m.t.Errorf("%s holds\n%q in %s, want\n%q", g.id, got, room, want)
			}
			if got := g.views.view(room); !slices.Equal(got, want) {
				m.t.Errorf("clients of %s were told\n%q of %s, want\n%q", g.id, got, room, want)
			}
		}
	}
}

// What follows makes a gateway a presence.Link.

func (g *modelGateway) ID() string { return g.id }

func (g *modelGateway) Connected() bool {
	g.model.mu.Lock()
	defer g.model.mu.Unlock()
	return !g.cut && !g.gone
}

func (g *modelGateway) Listen(room string) {
	g.model.mu.Lock()
	g.rooms[room] = true
	g.model.mu.Unlock()
	time.Sleep(time.Millisecond) // NATS confirms it
}

func (g *modelGateway) Unlisten(room string) {
	held := g.Holds(room)
	g.model.mu.Lock()
	defer g.model.mu.Unlock()
	if !held {
		delete(g.rooms, room)
	}
}

func (g *modelGateway) Publish(room string, data []byte) error {
	return g.carry(data, func(to *modelGateway) bool { return to.rooms[room] })
}

func (g *modelGateway) Send(gateway string, data []byte) error {
	return g.carry(data, func(to *modelGateway) bool { return to.id == gateway })
}

func (g *modelGateway) carry(data []byte, meant func(*modelGateway) bool) error {
	m := g.model
	m.mu.Lock()
	defer m.mu.Unlock()
	if g.cut || g.gone {
		return nil
	}
	for _, to := range m.all {
		if to != g && !to.cut && !to.gone && meant(to) && m.random.Float64() >= m.loss {
			delay := time.Duration(m.random.IntN(20)) * time.Millisecond
			g.wires[to.id] <- packetOnWire{data, time.Now().Add(delay)}
		}
	}
	return nil
}

func (g *modelGateway) Pages(context.Context, string, string, int) ([]presence.Page, error) {
	return nil, errors.New("nobody asks")
}

// recorder is an adapter that keeps what clients of a room have been told, as one of them that
// follows docs/how-to/presence.md does.
type recorder struct {
	*socketio.Rooms
	mu    sync.Mutex
	t     *testing.T
	views map[string]map[string]bool // by room
}

func (r *recorder) begin(t *testing.T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t, r.views = t, map[string]map[string]bool{}
}

// forget is for a room that the last client has left.
func (r *recorder) forget(room string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.views, room)
}

func (r *recorder) view(room string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.views[room]))
}

// Broadcast takes an event of presence.
func (r *recorder) Broadcast(d *socketio.Delivery) error {
	var event []json.RawMessage
	var said message
	err := json.Unmarshal(d.Text[bytes.IndexByte(d.Text, '['):], &event)
	if err == nil && len(event) == 2 {
		err = json.Unmarshal(event[1], &said)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || len(event) != 2 || said.Truncated || said.Next != "" {
		r.t.Errorf("clients are told %s: %v", d.Text, err)
		return nil
	}
	if said.Members != nil { // all of them, for who has just come
		r.views[said.Room] = map[string]bool{}
	}
	view := r.views[said.Room]
	if view == nil {
		return nil // who has just come is going to be told who is there
	}
	for _, list := range [][]presence.Member{said.Members, said.Joined, said.Updated} {
		for _, member := range list {
			view[member.ID] = true
		}
	}
	for _, member := range said.Left {
		delete(view, member.ID)
	}
	if len(view) != said.Count {
		r.t.Errorf("clients know %d members of %s, and are told there are %d: %s", len(view), said.Room, said.Count, d.Text)
	}
	return nil
}
