// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// model has the sessions of one client on three gateways, and a log of which the test decides when
// it takes what, and when who hears of it. What must hold is simple: the log has the session as the
// gateway that took it over last has written it; a gateway that has lost it writes nothing any
// more; what a takeover finds is no older than what was acknowledged; and all who wait are told
// once.
type model struct {
	t        *testing.T
	random   *rand.Rand
	url      string
	sockets  chan *socketio.Socket
	gateways []*modelGateway

	// chain is what the log has of the session, sequence that of its last message, and stored the
	// ids of those that it has taken.
	chain    []eventlog.Message
	sequence uint64
	stored   map[*outbox.Message]uint64
	// owner is the writer of the last message, and past are those before it.
	owner string
	past  map[string]bool
	// known: the client has been told the session's private id, as its first record is stored.
	known bool
	// history are the states that the session has had at each writer, and acked is which of them is
	// known to be stored.
	history map[string][]string
	acked   map[string]int
	// waiting is how many functions were not called yet.
	waiting int
	step    string
	// restarting: the log was lost, and not all gateways use the next one yet.
	restarting bool
}

// modelGateway is the host, the log and the rooms of one gateway.
type modelGateway struct {
	m        *model
	id       string
	sessions *Sessions
	ns       *Namespace
	rooms    *socketio.Rooms
	// pushed are messages on their way to the log, answers the outcomes on their way back; tasks
	// are goroutines that have not begun.
	pushed  []*outbox.Message
	answers []answer
	tasks   []func()
	// fences are on their way.
	fences []*nats.Msg
	full   bool
	// live is the session of the client, if this gateway took it over last; before are those that
	// it had before.
	live   *session
	before []*session
}

const modelPID = "pid"

// answer is what has become of a message.
type answer struct {
	of       *outbox.Message
	sequence uint64
	err      error
}

func (g *modelGateway) NATS() *nats.Conn                           { return g.m.nats() }
func (g *modelGateway) Send(string, []byte)                        {}
func (g *modelGateway) PeersTakeDeltas() bool                      { return true }
func (g *modelGateway) Decode(data []byte) (*wire.Message, error)  { return wire.DecodeMessage(data) }
func (g *modelGateway) MalformedEvent()                            {}
func (g *modelGateway) Call(f func())                              { f() }
func (g *modelGateway) Go(f func())                                { g.tasks = append(g.tasks, f) }
func (g *modelGateway) Namespace() *socketio.Namespace             { return nil }
func (g *modelGateway) Subjects() wire.Subjects                    { return wire.NewSubjects("s", "/") }
func (g *modelGateway) Rooms() *socketio.Rooms                     { return g.rooms }
func (g *modelGateway) Join(s *socketio.Socket, rooms ...string)   { g.rooms.Join(s, rooms...) }
func (g *modelGateway) Leave(s *socketio.Socket, room string)      { g.rooms.Leave(s, room) }
func (g *modelGateway) LeaveAll(s *socketio.Socket)                { g.rooms.LeaveAll(s) }
func (g *modelGateway) KeepPlaces(*socketio.Socket)                {}
func (g *modelGateway) JoinWaits(*socketio.Socket, ...string) bool { return true }
func (g *modelGateway) Begin(string, uint64)                       {}
func (g *modelGateway) Advance(string, uint64) (before uint64)     { return 0 }
func (g *modelGateway) StartOver()                                 {}
func (g *modelGateway) Header(time.Duration) nats.Header           { return nats.Header{} }
func (g *modelGateway) Delivered() uint64                          { return g.m.sequence }
func (g *modelGateway) AfterAll(f func(error))                     { f(nil) }
func (m *model) nats() *nats.Conn                                  { return new(nats.Conn) }

// Push takes a message, unless too much waits.
func (g *modelGateway) Push(m *outbox.Message) error {
	if g.full {
		return outbox.ErrFull
	}
	g.pushed = append(g.pushed, m)
	return nil
}

// Latest is what the leader of the stream says.
func (g *modelGateway) Latest(context.Context, string) (eventlog.Message, error) {
	if len(g.m.chain) == 0 {
		return eventlog.Message{}, eventlog.ErrNotFound
	}
	return g.m.chain[len(g.m.chain)-1], nil
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	m := &model{
		t: t, random: rand.New(rand.NewPCG(seed, 2)), sockets: make(chan *socketio.Socket, 1), stored: map[*outbox.Message]uint64{},
		past: map[string]bool{}, history: map[string][]string{}, acked: map[string]int{},
	}
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	io.OnConnection(func(s *socketio.Socket) { m.sockets <- s })
	hs := httptest.NewServer(io)
	m.url = hs.URL
	t.Cleanup(func() {
		_ = io.Close()
		hs.Close()
	})
	for i := range 3 {
		g := &modelGateway{m: m, id: fmt.Sprint("gateway", i), rooms: socketio.NewRooms()}
		config := Config{Service: "s", Gateway: g.id, MaxDisconnection: time.Minute, Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics()}
		g.sessions = New(t.Context(), g, nil, config)
		g.ns = &Namespace{owner: g.sessions, base: g}
		m.gateways = append(m.gateways, g)
	}
	return m
}

// socket is that of a new connection.
func (m *model) socket() *socketio.Socket {
	m.t.Helper()
	wiretest.Connect(m.t, m.url, "/socket.io/", "/")
	return <-m.sockets
}

// describe is a session in words.
func describe(rooms []string, data string) string {
	slices.Sort(rooms)
	return strings.Join(rooms, ",") + " " + data
}

func (n *session) describe() string {
	data, _ := n.socket.Data().(string)
	return describe(n.namespace.base.Rooms().RoomsOf(n.socket), data)
}

// folded is the session as the log has it; nil if it has none that could be recovered.
func (m *model) folded() *record {
	m.t.Helper()
	if len(m.chain) == 0 {
		return nil
	}
	r, err := foldSession(m.chain)
	if err != nil {
		m.t.Fatalf("%s: %v", m.step, err)
	}
	return r
}

func (r *record) describe() string {
	return describe(slices.Collect(maps.Keys(r.Rooms)), strings.Trim(string(r.Data), `"`))
}

// wait counts a function that has to be called once.
func (m *model) wait(then func(error)) func(error) {
	m.waiting++
	called := false
	return func(err error) {
		if called {
			m.t.Errorf("%s: a function is called twice", m.step)
		}
		called = true
		m.waiting--
		then(err)
	}
}

// begin is a client that comes for the first time, or starts a new session.
func (m *model) begin(g *modelGateway) {
	s := m.socket()
	g.rooms.Join(s, "own")
	r := &record{SocketID: s.ID(), Namespace: "/", Gateway: g.id, By: wire.RandomToken(writerLength)}
	m.become(g, g.session(s, r))
	m.known = false
	m.changed(g)
}

// session is a new one, with the gateway as its log.
func (g *modelGateway) session(s *socketio.Socket, r *record) *session {
	n := g.ns.newSession(s, modelPID, r)
	n.log = g
	return n
}

// become makes a session the client's: that of another gateway hears of it by what the log says, or
// by a fence.
func (m *model) become(g *modelGateway, n *session) {
	if old := g.sessions.find(modelPID); old != nil {
		old.supersede()
		g.sessions.remove(old)
	}
	for _, other := range m.gateways {
		other.live = nil
	}
	g.live, g.before = n, append(g.before, n)
	g.sessions.add(n)
}

// takeOver is a client that comes back to a gateway, as Namespace.recover has it.
func (m *model) takeOver(g *modelGateway) {
	found := m.folded()
	switch {
	case !m.known || found == nil || found.Ended:
		m.restore()
		m.quiesce()
		for _, other := range m.gateways {
			if n := other.sessions.find(modelPID); n != nil {
				n.supersede()
				other.sessions.remove(n)
			}
		}
		m.quiesce()
		m.chain = nil // the next session has another private id
		m.begin(g)
		return
	}
	history := m.history[found.By]
	is := len(history) - 1
	for is >= 0 && history[is] != found.describe() {
		is--
	}
	if is < m.acked[found.By] {
		m.t.Errorf("%s: found %q, which is %d of %q, of which %d is acknowledged", m.step, found.describe(), is, history, m.acked[found.By])
	}
	s := m.socket()
	rooms := slices.Collect(maps.Keys(found.Rooms))
	g.rooms.Join(s, rooms...)
	if len(found.Data) > 0 {
		s.SetData(strings.Trim(string(found.Data), `"`))
	}
	next := found.clone()
	next.Gateway, next.By, next.Gone = g.id, wire.RandomToken(writerLength), 0
	n := g.session(s, next)
	n.machine.state, n.chain.last = taking, m.sequence
	m.become(g, n)
	m.history[next.By] = []string{n.describe()}
	n.store(m.wait(func(err error) {
		if err == nil {
			m.notify(g, n.number())
			return
		}
		if g.live != n {
			return
		}
		n.abandon()
		g.sessions.remove(n)
		g.live = nil
	}))
}

// notify tells the other gateways that one has taken the session over.
func (m *model) notify(by *modelGateway, sequence uint64) {
	for _, g := range m.gateways {
		if g != by {
			g.fences = append(g.fences, &nats.Msg{Data: encodeFence(modelPID, sequence)})
		}
	}
}

// hear has the fences of takeovers arrive at a gateway.
func (g *modelGateway) hear() {
	for _, fence := range g.fences {
		g.sessions.Fenced(fence)
	}
	g.fences = nil
}

// changed notes what the session is now, and that it is to be stored.
func (m *model) changed(g *modelGateway) {
	n := g.live
	by := n.record.By
	m.history[by] = append(m.history[by], n.describe())
	is := len(m.history[by]) - 1
	n.store(m.wait(func(err error) {
		if err == nil {
			m.known, m.acked[by] = true, max(m.acked[by], is)
		}
	}))
}

// change is something that the client, or the application, does.
func (m *model) change(g *modelGateway) {
	room := fmt.Sprint("room", m.random.IntN(6), strings.Repeat("x", 1000*m.random.IntN(2)))
	switch n := g.live; m.random.IntN(3) {
	case 0:
		g.rooms.Join(n.socket, room)
		n.touch(room)
	case 1:
		g.rooms.Leave(n.socket, room)
		n.touch(room)
	default:
		n.socket.SetData(fmt.Sprint("data", m.random.IntN(100)))
		n.encodeData()
	}
	m.changed(g)
}

// encodeData is saveData without save.
func (n *session) encodeData() {
	data, _ := n.socket.EncodeData()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.data = &data
}

// arrive has the log take the first message that a gateway has sent.
func (m *model) arrive(g *modelGateway) {
	if len(g.pushed) == 0 {
		return
	}
	msg := g.pushed[0]
	expected, _ := strconv.ParseUint(msg.Header.Get(jetstream.ExpectedLastSubjSeqHeader), 10, 64)
	last := uint64(0)
	if len(m.chain) > 0 {
		last = m.sequence
	}
	answer := func(sequence uint64, err error) { g.answers = append(g.answers, answer{msg, sequence, err}) }
	sequence, known := m.stored[msg]
	switch n := m.random.IntN(40); {
	case known && n < 10: // the log has forgotten its id, and takes it for another one
		answer(0, outbox.ErrWrongSequence)
	case known:
		answer(sequence, nil)
	case expected != last:
		answer(0, outbox.ErrWrongSequence)
	case n == 0:
		answer(0, errors.New("the log refuses it"))
	default:
		m.append(g, msg)
		if n < 6 { // its acknowledgement is lost, and it is sent again
			return
		}
		answer(m.sequence, nil)
	}
	g.pushed = g.pushed[1:]
}

// append stores a message: of the session's owner, or of the one that takes it over.
func (m *model) append(g *modelGateway, msg *outbox.Message) {
	m.sequence++
	m.stored[msg] = m.sequence
	if msg.Header.Get(jetstream.MsgRollup) != "" {
		m.chain = nil
	}
	m.chain = append(m.chain, eventlog.Message{Sequence: m.sequence, Data: msg.Data})
	by, err := writerOf(msg.Data)
	if err != nil {
		m.t.Fatal(err)
	}
	if by != m.owner {
		if m.past[by] {
			m.t.Errorf("%s: %s writes what %s has taken over", m.step, g.id, m.owner)
		}
		m.past[m.owner] = true
		m.owner = by
	}
}

// answer has an outcome arrive.
func (g *modelGateway) answer() {
	if len(g.answers) > 0 {
		next := g.answers[0]
		g.answers = g.answers[1:]
		next.of.Done(next.sequence, next.err)
	}
}

// run runs a goroutine that was to begin.
func (g *modelGateway) run() {
	if len(g.tasks) > 0 {
		next := g.tasks[0]
		g.tasks = g.tasks[1:]
		next()
	}
}

// lose is a log that is lost, as the outbox and the log have it: what is not answered is sent
// again, unless it follows what is lost.
func (m *model) lose() {
	m.chain, m.owner = nil, ""
	clear(m.stored)
	clear(m.acked)
	clear(m.past) // a takeover that was not answered may not have happened
	m.restarting = true
	for _, g := range m.gateways {
		g.hear() // a gateway that misses one and then the log may store what it has lost to another: both would have to happen
		g.sessions.LogLost()
		unanswered := g.pushed
		for _, a := range slices.Backward(g.answers) {
			unanswered = slices.Insert(unanswered, 0, a.of)
		}
		g.pushed, g.answers = nil, nil
		for _, msg := range unanswered {
			if msg.Header.Get(jetstream.ExpectedLastSubjSeqHeader) == "0" {
				g.pushed = append(g.pushed, msg)
			} else {
				msg.Done(0, eventlog.ErrLost)
			}
		}
	}
}

// restore is when all gateways use the next log.
func (m *model) restore() {
	if !m.restarting {
		return
	}
	m.restarting = false
	for _, g := range m.gateways {
		g.sessions.LogRestored()
	}
}

func (m *model) next() string {
	g := m.gateways[m.random.IntN(len(m.gateways))]
	live := m.live()
	switch n := m.random.IntN(100); {
	case n < 30:
		m.arrive(g)
		return "arrive"
	case n < 55:
		g.answer()
		return "answer"
	case n < 70:
		g.run()
		return "run"
	case n < 88 && live != nil:
		m.change(live)
		return "change"
	case n < 90 && live != nil:
		live.live.release(true)
		live.sessions.remove(live.live)
		live.live = nil
		return "drop"
	case n < 93:
		g.full = !g.full
		return "full"
	case n < 94 && len(g.before) > 0:
		g.before[m.random.IntN(len(g.before))].store(m.wait(func(error) {})) // a handler that is late
		return "late"
	case n < 95 && live != nil:
		live.live.refresh(time.Now().Add(time.Hour))
		return "refresh"
	case n < 96 && live != nil:
		live.live.flatten()
		return "flatten"
	case n < 97:
		g.hear()
		return "hear"
	case n < 99:
		m.takeOver(g)
		return "take over"
	case n < 100 && m.random.IntN(2) == 0:
		m.lose()
		return "lose the log"
	}
	m.restore()
	return "restore"
}

// live is the gateway that has the client.
func (m *model) live() *modelGateway {
	for _, g := range m.gateways {
		if g.live != nil && g.live.machine.state != over {
			return g
		}
	}
	return nil
}

// quiesce has all that is on its way arrive.
func (m *model) quiesce() {
	for range 1000 {
		busy := false
		for _, g := range m.gateways {
			g.full = false
			busy = busy || len(g.pushed)+len(g.answers)+len(g.tasks) > 0
			m.arrive(g)
			g.answer()
			g.run()
		}
		if !busy {
			return
		}
	}
	m.t.Fatal("messages are on their way for ever")
}

// Whatever the order of events, a session is one gateway's, and is found as it was.
func TestSessionsKeepToTheirModel(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newModel(t, seed)
			m.begin(m.gateways[0])
			var steps []string
			for range 300 {
				m.step = m.next()
				steps = append(steps, m.step)
				if t.Failed() {
					t.Fatalf("after %s", strings.Join(steps[max(0, len(steps)-40):], ", "))
				}
			}
			m.step = "the end"
			m.restore()
			m.quiesce()
			if live := m.live(); live != nil && live.live.machine.state == kept && live.live.unsaved == nil {
				if found := m.folded(); found == nil || found.describe() != live.live.describe() {
					t.Errorf("the log has %v, and the session is %s", found, live.live.describe())
				}
			}
			if m.waiting != 0 {
				t.Errorf("%d functions were not called", m.waiting)
			}
		})
	}
}
