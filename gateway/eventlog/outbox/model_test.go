// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// codeNoRoom is JetStream's for a server that has no room.
const codeNoRoom = 10023

// model is an outbox over a real NATS server, with a stream in place of JetStream's whose every
// answer the test decides. What the outbox must do is simple: each message has one outcome, those
// that are stored are in the stream once, and in the order of their subject in which they were
// pushed.
type model struct {
	t      *testing.T
	random *rand.Rand
	out    *Outbox
	sent   *nats.Subscription
	server *nats.Conn
	// arrived are messages on their way to the stream, answers those on their way back: late ones
	// too.
	arrived []*nats.Msg
	answers []*nats.Msg
	// stream has the ids of messages by sequence, from 1, and sequences by id.
	stream    []string
	sequences map[string]uint64
	fates     map[string]int
	// full: the stream has no room for large messages.
	full bool

	pushed []*tracked
	// waiting is how many functions AfterAll has not called yet.
	waiting int
}

// tracked is a message with what has become of it.
type tracked struct {
	Message
	n        int
	outcomes []error
	before   state
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	ns := natstest.Start(t, nil)
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 1)), sequences: map[string]uint64{}, fates: map[string]int{}}
	var err error
	if m.server, err = nats.Connect(ns.ClientURL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.server.Close)
	if m.sent, err = m.server.SubscribeSync("log.>"); err != nil {
		t.Fatal(err)
	}
	if err := m.server.Flush(); err != nil {
		t.Fatal(err)
	}
	m.out = New(Options{
		Acks: wire.LiveRoot + "x.acks.", URLs: []string{ns.ClientURL()}, NATS: []nats.Option{nats.NoReconnect()},
		MaxPayload: func() int64 { return 0 }, Trouble: func() {}, Rejected: func() {},
	})
	m.out.SetBounds(40, 4000)
	m.out.SetOneBySubject(m.random.IntN(2) == 0)
	return m
}

// push pushes a message, with a condition now and then.
func (m *model) push() {
	subject := fmt.Sprint("log.", m.random.IntN(3))
	tr := &tracked{n: len(m.pushed)}
	tr.Message = Message{Subject: subject, Data: make([]byte, m.random.IntN(200)), Header: nats.Header{}, Reserve: m.random.IntN(8) == 0}
	if m.random.IntN(10) == 0 { // it is too large for NATS, by far
		tr.Data = make([]byte, 2<<20)
	}
	switch err := m.out.Push(&tr.Message); {
	case err == nil:
		m.pushed = append(m.pushed, tr)
	case !errors.Is(err, ErrFull) && !errors.Is(err, nats.ErrMaxPayload):
		m.t.Fatalf("push: %v", err)
	}
}

// afterAll counts what AfterAll waits for.
func (m *model) afterAll() {
	before := slices.Clone(m.pushed)
	m.waiting++
	called := false
	m.out.AfterAll(func(err error) {
		m.waiting--
		if called {
			m.t.Error("AfterAll calls a function twice")
		}
		called = true
		for _, tr := range before {
			if len(tr.outcomes) == 0 && err == nil {
				m.t.Errorf("AfterAll does not wait for message %d", tr.n)
			}
		}
	})
}

// carry has what the outbox has sent arrive.
func (m *model) carry() {
	m.out.mu.Lock()
	conn := m.out.conn
	m.out.mu.Unlock()
	if conn != nil {
		_ = conn.Flush() // fails where the connection is given up meanwhile
	}
	if err := m.server.Flush(); err != nil {
		m.t.Fatal(err)
	}
	for {
		n, _, err := m.sent.Pending()
		if err != nil {
			m.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		msg, err := m.sent.NextMsgWithContext(m.t.Context())
		if err != nil {
			m.t.Fatal(err)
		}
		m.arrived = append(m.arrived, msg)
	}
}

// store takes the next message that has arrived, and answers it or not.
func (m *model) store() {
	if len(m.arrived) == 0 {
		return
	}
	msg := m.arrived[0]
	m.arrived = m.arrived[1:]
	id := msg.Header.Get(nats.MsgIdHdr)
	if sequence, ok := m.sequences[id]; ok {
		m.answer(msg, map[string]any{"stream": "S", "seq": sequence, "duplicate": true})
		return
	}
	switch fate := m.fate(id); {
	case fate != 0:
		m.answer(msg, failure(400, fate))
	case m.full && len(msg.Data) > 100:
		m.answer(msg, failure(503, codeNoRoom))
	default:
		m.stream = append(m.stream, id)
		m.sequences[id] = uint64(len(m.stream))
		m.answer(msg, map[string]any{"stream": "S", "seq": len(m.stream)})
	}
}

// fate is the code with which the stream refuses a message, whenever it comes; 0 for one that it
// takes.
func (m *model) fate(id string) int {
	if _, ok := m.fates[id]; !ok {
		m.fates[id] = []int{codeMessageTooLarge, codeWrongLastSequence, 0}[min(2, m.random.IntN(20))]
	}
	return m.fates[id]
}

func failure(code, errCode int) map[string]any {
	return map[string]any{"error": map[string]any{"code": code, "err_code": errCode, "description": "no"}, "stream": "S", "seq": 0}
}

func (m *model) answer(msg *nats.Msg, body map[string]any) {
	data, err := json.Marshal(body)
	if err != nil {
		m.t.Fatal(err)
	}
	m.answers = append(m.answers, &nats.Msg{Subject: msg.Reply, Data: data})
}

// acknowledge has an answer arrive: mostly the first, now and then a later one, or one that has
// come before.
func (m *model) acknowledge() {
	if len(m.answers) == 0 {
		return
	}
	i := 0
	if m.random.IntN(4) == 0 {
		i = m.random.IntN(len(m.answers))
	}
	msg := m.answers[i]
	if m.random.IntN(8) != 0 {
		m.answers = slices.Delete(m.answers, i, i+1)
	}
	if ack, ok := m.out.Acknowledged(msg); ok {
		m.outcome(ack.Message, ack.Sequence, ack.Err)
	}
	m.advance()
}

func (m *model) advance() {
	refused, after := m.out.Advance()
	for _, r := range refused {
		m.outcome(r, 0, r.Err)
	}
	for _, f := range after {
		f(nil)
	}
}

func (m *model) outcome(of *Message, sequence uint64, err error) {
	for _, tr := range m.pushed {
		if &tr.Message == of {
			tr.outcomes = append(tr.outcomes, err)
			if stored := m.sequences[tr.Header.Get(nats.MsgIdHdr)]; err == nil && stored != sequence {
				m.t.Errorf("message %d is said to be stored as %d, and is as %d", tr.n, sequence, stored)
			}
			return
		}
	}
	m.t.Fatalf("the outcome of a message that was never taken: %v", of)
}

// reconnect is the end of a connection: what is on its way, and the answers to it, are lost in
// part. As the owner does, it looks at the stream before it has all sent again.
func (m *model) reconnect() {
	m.carry()
	m.out.Pause()
	for range m.random.IntN(len(m.arrived) + 1) {
		m.store()
	}
	m.arrived = nil
	m.takeRefusals()
	if m.random.IntN(2) == 0 {
		m.answers = nil
	}
	for sequence, id := range m.stream {
		m.out.Recognize(id, uint64(sequence+1))
	}
	for _, r := range m.out.TakeRecognized() {
		m.outcome(r, r.Sequence, nil)
	}
	m.advance()
	if _, err := m.out.Resume(); err != nil {
		m.t.Fatal(err)
	}
}

// takeRefusals has those answers arrive which say that there is no room. One that is lost with the
// connection lets a large message be stored behind a small one of its subject: see rejectOvertaken.
func (m *model) takeRefusals() {
	for i := 0; i < len(m.answers); i++ {
		if strings.Contains(string(m.answers[i].Data), fmt.Sprint(codeNoRoom)) {
			m.out.Acknowledged(m.answers[i])
		}
	}
}

// startOver is a log that is lost: all that it had is gone.
func (m *model) startOver() {
	m.carry()
	m.out.Pause()
	m.arrived, m.stream, m.sequences = nil, nil, map[string]uint64{}
	for _, r := range m.out.StartOver() {
		m.outcome(r, 0, errors.New("lost"))
	}
	m.advance()
	if _, err := m.out.Resume(); err != nil {
		m.t.Fatal(err)
	}
}

// check compares what the outbox says with what it must be.
func (m *model) check(step string) {
	m.t.Helper()
	m.out.mu.Lock()
	defer m.out.mu.Unlock()
	open := 0
	for _, tr := range m.pushed {
		if tr.before.isFinal() && tr.state != tr.before {
			m.t.Errorf("%s: message %d goes from %d to %d", step, tr.n, tr.before, tr.state)
		}
		tr.before = tr.state
		if len(tr.outcomes) > 1 {
			m.t.Errorf("%s: message %d has %d outcomes", step, tr.n, len(tr.outcomes))
		}
		if len(tr.outcomes) == 0 {
			open++
		} else if !tr.state.isFinal() {
			m.t.Errorf("%s: message %d has an outcome, and is in state %d", step, tr.n, tr.state)
		}
	}
	if open > len(m.out.messages) {
		m.t.Errorf("%s: %d messages have no outcome, and %d wait", step, open, len(m.out.messages))
	}
	onTheirWay, bytes := 0, 0
	for _, x := range m.out.messages {
		bytes += len(x.Data)
		if x.state == sent {
			onTheirWay++
		}
	}
	if onTheirWay != m.out.sent || bytes != m.out.bytes {
		m.t.Errorf("%s: %d are on their way with %d bytes in all, and %d with %d are counted", step, onTheirWay, bytes, m.out.sent, m.out.bytes)
	}
}

// order checks that the stream has each message once, and those of a subject in the order in which
// they were pushed.
func (m *model) order() {
	m.t.Helper()
	last := map[string]int{}
	seen := map[string]bool{}
	for _, id := range m.stream {
		if seen[id] {
			m.t.Errorf("%s is stored twice", id)
		}
		seen[id] = true
		for _, tr := range m.pushed {
			if tr.Header.Get(nats.MsgIdHdr) != id {
				continue
			}
			if before, ok := last[tr.Subject]; ok && before > tr.n {
				m.t.Errorf("message %d of %s is stored behind %d", tr.n, tr.Subject, before)
			}
			last[tr.Subject] = tr.n
		}
	}
}

// Whatever the order of events, each message has one outcome, and what is stored is stored once and
// in order.
func TestTheOutboxKeepsToItsModel(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newModel(t, seed)
			if _, err := m.out.Resume(); err != nil {
				t.Fatal(err)
			}
			var steps []string
			for range 400 {
				step := m.step()
				steps = append(steps, step)
				m.check(step)
				m.order()
				if t.Failed() {
					t.Fatalf("after %s", strings.Join(steps[max(0, len(steps)-40):], ", "))
				}
			}
			m.end()
		})
	}
}

func (m *model) step() string {
	switch n := m.random.IntN(100); {
	case n < 35:
		m.push()
		return "push"
	case n < 40:
		m.afterAll()
		return "after all"
	case n < 55:
		m.carry()
		return "carry"
	case n < 75:
		m.store()
		return "store"
	case n < 92:
		m.acknowledge()
		if m.out.Problem() != nil {
			m.reconnect()
		}
		return "acknowledge"
	case n < 94:
		m.full = !m.full
		return "room"
	case n < 99:
		m.reconnect()
		return "reconnect"
	default:
		m.startOver()
		return "start over"
	}
}

// end has the stream take all that waits, or the gateway end before it does.
func (m *model) end() {
	m.t.Helper()
	m.full = false
	if m.random.IntN(2) == 0 {
		for m.out.Waiting() > 0 {
			m.carry()
			m.store()
			m.acknowledge()
			if len(m.arrived) == 0 && len(m.answers) == 0 {
				m.reconnect()
			}
		}
	}
	m.out.Close()
	unstored, after := m.out.Abandon()
	for _, x := range unstored {
		m.outcome(x, 0, x.Err)
	}
	for _, f := range after {
		f(ErrClosed)
	}
	for _, tr := range m.pushed {
		if len(tr.outcomes) != 1 {
			m.t.Errorf("message %d has %d outcomes", tr.n, len(tr.outcomes))
		}
	}
	if m.waiting != 0 {
		m.t.Errorf("%d functions still wait", m.waiting)
	}
	if m.out.Waiting() != 0 {
		m.t.Errorf("%d messages still wait", m.out.Waiting())
	}
	m.order()
}
