// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
)

// book is a ledger of one room with two members, 0 and 1, who both publish.
type book struct{ *Ledger }

func (b book) publish(publisher, seq int) protocol.Message {
	m := protocol.Message{Publisher: publisher, Seq: seq, Attempt: 1, Phase: int(b.phase.Load())}
	b.Queued(m)
	b.Emitted(m)
	return m
}

func (b book) reach(m protocol.Message, members ...int) {
	for _, member := range members {
		b.Arrived(member, m)
	}
}

func TestLedger(t *testing.T) {
	// Every test begins with two messages of publisher 0.
	for name, c := range map[string]struct {
		do   func(b book, first, second protocol.Message)
		want Result
	}{
		"all is well": {
			func(b book, first, second protocol.Message) { b.reach(first, 0, 1); b.reach(second, 0, 1) },
			Result{},
		},
		"a message that one member lacks is lost": {
			func(b book, first, second protocol.Message) { b.reach(first, 0, 1); b.reach(second, 0) },
			Result{Lost: 1},
		},
		"what a client was told that it may have missed is not lost": {
			func(b book, first, second protocol.Message) {
				b.Asked(0, true)
				b.reach(first, 0)
				b.reach(second, 0)
				b.Asked(1, false)
				b.Joined(1)
			},
			Result{Excused: 2, Recovered: 1, Refused: 1},
		},
		"lost while a client that was told is not in its room": {
			func(b book, first, second protocol.Message) {
				b.Asked(1, false)
				b.reach(first, 0)
				b.reach(second, 0)
			},
			Result{Lost: 2, Refused: 1},
		},
		"lost after a client that was told is in its room": {
			func(b book, first, second protocol.Message) {
				b.reach(first, 0, 1)
				b.reach(second, 0, 1)
				b.Told(1)
				b.Joined(1)
				third := b.publish(0, 3)
				b.Acked(third)
				b.reach(third, 0)
			},
			Result{Lost: 1, Messages: 1, Deliveries: 2},
		},
		"a new session may get a message once more, and begins its own order": {
			func(b book, first, second protocol.Message) {
				b.reach(first, 0, 1)
				b.reach(second, 0, 1)
				b.Told(1)
				b.reach(second, 1)
				b.Joined(1)
			},
			Result{},
		},
		"what a client was told that it may have missed comes late": {
			func(b book, first, second protocol.Message) {
				b.Told(1)
				b.Joined(1)
				third := b.publish(0, 3)
				b.Acked(third)
				b.reach(first, 0)
				b.reach(second, 0)
				b.reach(third, 0, 1)
				b.reach(second, 1)
			},
			Result{Excused: 1, Messages: 1, Deliveries: 2},
		},
		"a new session gets a message twice": {
			func(b book, first, second protocol.Message) {
				b.reach(first, 0, 1)
				b.reach(second, 0, 1)
				b.Told(1)
				b.reach(second, 1, 1)
				b.Joined(1)
			},
			Result{Duplicated: 1},
		},
		"a message that comes twice is duplicated": {
			func(b book, first, second protocol.Message) { b.reach(first, 0, 1, 1); b.reach(second, 0, 1) },
			Result{Duplicated: 1},
		},
		"a message before an earlier one is out of order": {
			func(b book, first, second protocol.Message) {
				b.reach(second, 1)
				b.reach(first, 0, 1)
				b.reach(second, 0)
			},
			Result{Disordered: 1, Crossed: 1},
		},
		"what was emitted again arrives again": {
			func(b book, first, second protocol.Message) {
				b.reach(first, 0, 1)
				first.Attempt = 2
				b.Emitted(first)
				b.reach(first, 0, 1)
				b.reach(second, 0, 1)
			},
			Result{Repeats: 1, Again: 2},
		},
		"the second emission alone is no loss": {
			func(b book, first, second protocol.Message) {
				first.Attempt = 2
				b.Emitted(first)
				b.reach(first, 0, 1)
				b.reach(second, 0, 1)
			},
			Result{Repeats: 1},
		},
		"what two publishers say may cross": {
			func(b book, first, second protocol.Message) {
				third := b.publish(1, 1)
				b.Acked(third)
				b.reach(first, 0, 1)
				b.reach(third, 0)
				b.reach(second, 0, 1)
				b.reach(third, 1)
			},
			Result{Crossed: 1, Messages: 1, Deliveries: 2},
		},
		"a message of another phase is late": {
			func(b book, first, second protocol.Message) {
				old := first
				old.Phase--
				b.reach(old, 0)
				b.reach(first, 0, 1)
				b.reach(second, 0, 1)
			},
			Result{Late: 1},
		},
		"a client that a server has sent away": {
			func(b book, first, second protocol.Message) {
				b.Opened(1)
				b.Stopped(1)
				b.Refused(0, `[]`)
				b.reach(first, 0, 1)
				b.reach(second, 0, 1)
			},
			Result{Opens: 1, MaxOpens: 1, Stopped: 1, Nacks: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := book{New(1, 2, 0)}
			first, second := b.publish(0, 1), b.publish(0, 2)
			b.Acked(first)
			b.Acked(second)
			c.do(b, first, second)
			c.want.Clients = 2
			c.want.Messages += 2
			c.want.Deliveries += 4
			ignore := cmpopts.IgnoreFields(Result{}, "Silence", "P99", "Max", "Reasons", "Faults")
			if diff := cmp.Diff(c.want, b.Result(""), ignore); diff != "" {
				t.Error(diff)
			}
			if settled := b.pending.Load() == 0; settled != (c.want.Lost == 0) {
				t.Errorf("%d are pending, %d are lost", b.pending.Load(), c.want.Lost)
			}
		})
	}
}

func TestLedgerSaysWhenAllHasCome(t *testing.T) {
	b := book{New(1, 2, 0)}
	m := b.publish(0, 1)
	b.reach(m, 0, 1)
	select {
	case <-b.settled:
		t.Fatal("all has come before the acknowledgement")
	default:
	}
	b.Acked(m)
	<-b.settled
}

func TestMessageWithoutAcknowledgementIsNotLost(t *testing.T) {
	b := book{New(1, 2, 0)}
	b.publish(0, 1)
	res := b.Result("")
	if res.Unacked != 1 || res.Lost != 0 || res.Deliveries != 0 {
		t.Errorf("got %+v", res)
	}
}

func TestFailed(t *testing.T) {
	for name, c := range map[string]struct {
		res        Result
		totalOrder bool
		want       []string
	}{
		"nothing":                    {Result{Messages: 1, Repeats: 1, Again: 9, Recovered: 3, Crossed: 1}, false, nil},
		"lost":                       {Result{Lost: 2}, false, []string{"2 lost"}},
		"absent, and without effect": {Result{Absent: 1, Harmless: 1}, false, []string{"1 clients not back in time", "1 faults without effect"}},
		"refused":                    {Result{Refused: 1, Late: 1}, false, []string{"1 arrived after the deadline", "1 recoveries refused"}},
		"crossed where it was asked": {Result{Crossed: 4}, true, []string{"4 in another order than the room's"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.res.Failed(c.totalOrder)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTotal(t *testing.T) {
	total := Total([]Result{
		{Fault: "a", Clients: 2, Lost: 1, MaxOpens: 3, Silence: time.Second, Reasons: map[string]int{"x": 1}},
		{Fault: "b", Clients: 2, Lost: 2, MaxOpens: 1, Silence: time.Minute, Reasons: map[string]int{"x": 1, "y": 1}},
	})
	want := Result{Fault: "total", Clients: 2, Lost: 3, MaxOpens: 3, Silence: time.Minute, Reasons: map[string]int{"x": 2, "y": 1}}
	if diff := cmp.Diff(want, total); diff != "" {
		t.Error(diff)
	}
}
