// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bus connects Users as NATS does, in a bubble of synctest: what one publishes, all others receive
// a moment later, in order.
type bus struct {
	t     *testing.T
	users []*Users
	cut   map[int]bool
	sent  atomic.Int64
}

type busLink struct {
	bus *bus
	own int
}

// networkTime is how long a message takes.
const networkTime = 5 * time.Millisecond

func (l busLink) ID() string { return string(rune('a' + l.own)) }

func (l busLink) Publish(data []byte) {
	l.bus.sent.Add(1)
	if l.bus.cut[l.own] {
		return
	}
	time.AfterFunc(networkTime, func() {
		for i, u := range l.bus.users {
			if i == l.own || l.bus.cut[i] {
				continue
			}
			if err := u.Receive(data); err != nil {
				l.bus.t.Error(err)
			}
		}
	})
}

// gateways returns the Users of so many gateways. They end with the test.
func gateways(t *testing.T, n int, r *Rules) *bus {
	b := &bus{t: t, cut: map[int]bool{}}
	for range n {
		b.users = append(b.users, NewUsers(time.Now))
	}
	for i, u := range b.users {
		u.SetRules(r)
		u.SetGateways(n)
		u.Join(busLink{b, i})
	}
	b.pass(2 * networkTime)
	return b
}

// pass lets time pass, with the heartbeats that are due.
func (b *bus) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bus) beat(times int) {
	for range times {
		b.pass(2500 * time.Millisecond)
		for _, u := range b.users {
			u.Beat()
		}
	}
	b.exchanged()
}

// exchanged returns when all know what was to be told, and what was answered.
func (b *bus) exchanged() { b.pass(2 * (exchangeInterval + 2*networkTime)) }

func (b *bus) close() {
	for _, u := range b.users {
		u.Close()
	}
}

var ada = KeyOf("users", "ada")

// The bound of doc.go, for patterns of use from steady to adverse. A user whose use is charged on
// one gateway alone has n times the rate.
func TestUsersKeepToTheirRateAcrossGateways(t *testing.T) {
	const n = 4
	patterns := map[string]func(ms, gateway int) int{
		"everywhere as much as it can":  func(int, int) int { return 2 },
		"everywhere, at the fair share": func(ms, _ int) int { return btoi(ms%20 == 0) }, // 50 per second
		"one after the other":           func(ms, gateway int) int { return 2 * btoi(ms/300%n == gateway) },
		"bursts at once":                func(ms, _ int) int { return 500 * btoi(ms%2000 == 0) },
		"at random":                     func(int, int) int { return rand.IntN(3) * rand.IntN(2) },
		"much on one, little elsewhere": func(ms, gateway int) int { return 10*btoi(gateway == 0) + btoi(ms%25 == gateway) },
	}
	for name, pattern := range patterns {
		for _, burst := range []int64{10, 400} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := &Limit{Rate: 200, Burst: burst}
					r := Rules{UserEvents: l}.Prepare()
					b := gateways(t, n, r)
					defer b.close()
					var sockets []*Socket
					for _, u := range b.users {
						sockets = append(sockets, NewSocket(u.Hold(ada)))
					}
					const seconds = 10
					total := 0
					var perSecond []int
					for ms := range seconds * 1000 {
						for i, s := range sockets {
							for range pattern(ms, i) {
								if s.Ask(r, b.users[i].Now(), say(1)).By == nil {
									total++
								}
							}
						}
						b.pass(time.Millisecond)
						if ms%1000 == 999 {
							perSecond = append(perSecond, total)
						}
					}
					bound := func(t int) int {
						return 200*t + int(n*(float64(burst)+200*(exchangeInterval+2*networkTime).Seconds()))
					}
					for from := range perSecond {
						for to := from + 1; to < len(perSecond); to++ {
							if used, most := perSecond[to]-perSecond[from], bound(to-from); used > most {
								t.Fatalf("between second %d and %d, %d are accepted, more than %d", from, to, used, most)
							}
						}
					}
					t.Logf("%d in %d seconds, of %d; %d messages", total, seconds, bound(seconds), b.sent.Load())
				})
			})
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Nobody is told of a user who has as much as fits everywhere, which most users do.
func TestUsersBelowTheirFairShareAreNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rules{UserEvents: &Limit{Rate: 40, Burst: 40}, Connections: 8}.Prepare()
		b := gateways(t, 4, r)
		defer b.close()
		joined := b.sent.Load()
		var sockets []*Socket
		for i, u := range b.users {
			sockets = append(sockets, NewSocket(u.Hold(ada)))
			for c := range 2 {
				if !u.Enter(ada, Seat{Connection: c, Socket: c, ID: string(rune('0' + 2*i + c))}, 8) {
					t.Fatal("a connection below the limit is refused")
				}
			}
		}
		for range 100 {
			for i, s := range sockets {
				if s.Ask(r, b.users[i].Now(), say(1)).By != nil {
					t.Fatal("it is refused")
				}
			}
			b.pass(100 * time.Millisecond) // 10 of 40 per second, on each of 4
		}
		if b.sent.Load() != joined {
			t.Errorf("%d messages tell of a user below the fair share", b.sent.Load()-joined)
		}
	})
}

func TestWhatALimitOfASocketRefusesIsNotChargedToTheUser(t *testing.T) {
	own := &Limit{Rate: 1, Burst: 3}
	r := Rules{Events: own, UserEvents: &Limit{Rate: 1, Burst: 5}}.Prepare()
	u := NewUsers(time.Now)
	one, two := NewSocket(u.Hold(ada)), NewSocket(u.Hold(ada))
	if n, v := accepted(one, r, 0, say(1)); n != 3 || v.By != own {
		t.Errorf("%d are accepted", n)
	}
	one.Ask(r, 0, say(1))
	if n, v := accepted(two, r, 0, say(1)); n != 2 || v.By != r.UserEvents {
		t.Errorf("%d are accepted of the other socket, after 3 of 5", n)
	}
	if n, v := accepted(two, r, second, say(1)); n != 1 || v.By != r.UserEvents {
		t.Errorf("%d are accepted a second later", n)
	}
	if n, v := accepted(two, r, 4*second, say(1)); n != 3 {
		t.Errorf("%d are accepted, and then %+v: what the user's limit has refused was charged to the socket", n, v)
	}
}

// What a gateway has not told, since it was below the fair share, it tells when another one is
// above it.
func TestWhatWasSilentIsReportedWhenItMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rules{UserEvents: &Limit{Rate: 1, Burst: 100}}.Prepare()
		b := gateways(t, 2, r)
		defer b.close()
		here, there := NewSocket(b.users[0].Hold(ada)), NewSocket(b.users[1].Hold(ada))
		for range 40 {
			there.Ask(r, b.users[1].Now(), say(1))
		}
		for range 60 {
			here.Ask(r, b.users[0].Now(), say(1))
		}
		b.exchanged()
		for i, s := range []*Socket{here, there} {
			if n, _ := accepted(s, r, b.users[i].Now(), say(1)); n > 2 { // earned meanwhile
				t.Errorf("gateway %d lets %d through after a burst of 100", i, n)
			}
		}
		b.pass(5 * time.Second)
		for range 4 {
			there.Ask(r, b.users[1].Now(), say(1))
		}
		b.exchanged()
		if n, _ := accepted(here, r, b.users[0].Now(), say(1)); n > 2 {
			t.Errorf("%d are let through of 6, after 4 elsewhere: a little is not reported of a user who is", n)
		}
	})
}

func TestChangedRulesKeepWhatAUserHasUsed(t *testing.T) {
	before := Rules{UserEvents: &Limit{Rate: 1, Burst: 100}}.Prepare()
	after := Rules{UserEvents: &Limit{Rate: 100, Burst: 100}}.Prepare()
	s := NewSocket(NewUsers(time.Now).Hold(ada))
	for range 60 {
		s.Ask(before, 0, say(1))
	}
	if n, _ := accepted(s, after, 0, say(1)); n != 40 {
		t.Errorf("%d are accepted of 100, after 60", n)
	}
	if n, _ := accepted(s, after, second, say(1)); n != 100 {
		t.Errorf("%d are accepted a second later: the time is that of the former rate", n)
	}
}

func TestAReportIsChargedByTheRulesInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := Rules{UserEvents: &Limit{Rate: 1, Burst: 100}}.Prepare()
		after := Rules{UserEvents: &Limit{Rate: 100, Burst: 100}}.Prepare()
		b := gateways(t, 2, before)
		defer b.close()
		s := NewSocket(b.users[0].Hold(ada))
		s.Ask(before, b.users[0].Now(), say(1))
		b.users[0].SetRules(after)
		p := &packet{from: "b", entries: []entry{{key: ada, events: 60}}}
		if err := b.users[0].Receive(p.encode()[0]); err != nil {
			t.Fatal(err)
		}
		if n, _ := accepted(s, after, b.users[0].Now(), say(1)); n != 39 {
			t.Errorf("%d are accepted of 100, after one here and 60 elsewhere", n)
		}
	})
}

func TestAUserWithoutOtherGatewaysHasTheWholeRate(t *testing.T) {
	r := Rules{UserEvents: &Limit{Rate: 10, Burst: 10}}.Prepare()
	u := NewUsers(time.Now)
	one, two := NewSocket(u.Hold(ada)), NewSocket(u.Hold(ada))
	if n, _ := accepted(one, r, 0, say(1)); n != 10 {
		t.Errorf("%d are accepted", n)
	}
	if n, _ := accepted(two, r, 0, say(1)); n != 0 {
		t.Errorf("%d are accepted by another socket of the user", n)
	}
	if n, _ := accepted(NewSocket(u.Hold(KeyOf("users", "bob"))), r, 0, say(1)); n != 10 {
		t.Errorf("%d are accepted of another user", n)
	}
	if n, _ := accepted(NewSocket(nil), r, 0, say(1)); n < 9000 {
		t.Errorf("%d are accepted of an anonymous client, who is no user", n)
	}
}

// Otherwise a client could connect again and again, each time with a full burst.
func TestAUserWhoLeavesIsRememberedUntilTheBurstIsEarned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rules{UserEvents: &Limit{Rate: 1, Burst: 10}}.Prepare()
		u := NewUsers(time.Now)
		s := NewSocket(u.Hold(ada))
		accepted(s, r, u.Now(), say(1))
		s.Close()
		s.Close()
		again := NewSocket(u.Hold(ada))
		if n, _ := accepted(again, r, u.Now(), say(1)); n != 0 {
			t.Errorf("%d are accepted after coming back", n)
		}
		again.Close()
		time.Sleep(9 * time.Second)
		for range refreshBeats {
			u.Beat()
		}
		if u.Len() != 1 {
			t.Error("it is forgotten before its burst is earned")
		}
		time.Sleep(2 * time.Second)
		for range refreshBeats {
			u.Beat()
		}
		if u.Len() != 0 {
			t.Error("it is never forgotten")
		}
	})
}

func TestAcknowledgementsOfAUserCountForBytesAlone(t *testing.T) {
	r := Rules{UserEvents: &Limit{Rate: 1, Burst: 1}, UserBytes: &Limit{Rate: 100, Burst: 100}}.Prepare()
	u := NewUsers(time.Now)
	if n, v := accepted(NewSocket(u.Hold(ada)), r, 0, Event{Bytes: 10, Ack: true}); n != 10 || v.By != r.UserBytes {
		t.Errorf("%d are accepted, and then %+v", n, v)
	}
}

func TestNothingIsToldAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := gateways(t, 2, Rules{Connections: 1}.Prepare())
		b.close()
		before := b.sent.Load()
		b.users[0].Enter(ada, Seat{Connection: 1, Socket: 1, ID: "a"}, 1)
		b.exchanged()
		if b.sent.Load() != before {
			t.Error("a message is sent")
		}
	})
}

func TestKeysTellProvidersAndUsersApart(t *testing.T) {
	if KeyOf("a", "bc") == KeyOf("ab", "c") {
		t.Error("two users are one")
	}
}

func TestConnectionsAreCountedOnAllGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := gateways(t, 2, Rules{Connections: 3}.Prepare())
		defer b.close()
		enter := func(gateway int, id string) bool {
			return b.users[gateway].Enter(ada, Seat{Connection: id, Socket: id, ID: id}, 3)
		}
		leave := func(gateway int, id string) {
			b.users[gateway].Leave(ada, Seat{Connection: id, Socket: id, ID: id})
		}
		if !enter(0, "a") || !enter(0, "b") || !enter(1, "c") {
			t.Fatal("a connection within the limit is refused")
		}
		b.exchanged()
		if enter(0, "d") || enter(1, "e") {
			t.Error("a fourth connection is admitted")
		}
		if !b.users[0].Enter(KeyOf("users", "bob"), Seat{Connection: "d", Socket: "d", ID: "d"}, 3) {
			t.Error("another user is refused")
		}
		leave(1, "c")
		leave(1, "c")
		b.exchanged()
		if !enter(0, "d") {
			t.Error("the place of a connection that has ended is not free")
		}
		b.exchanged()
		if enter(1, "e") {
			t.Error("a fourth connection is admitted by a gateway without any")
		}
		for _, id := range []string{"a", "b", "d"} {
			leave(0, id)
		}
		b.exchanged()
		if b.users[0].Len()+b.users[1].Len() != 1 || len(b.users[1].elsewhere) != 0 { // Bob
			t.Error("users who have left are remembered")
		}
	})
}

func TestAConnectionWithSeveralSocketsCountsOnce(t *testing.T) {
	u := NewUsers(time.Now)
	at := func(connection, socket string) Seat { return Seat{Connection: connection, Socket: socket, ID: socket} }
	if !u.Enter(ada, at("1", "a"), 1) || !u.Enter(ada, at("1", "b"), 1) || !u.Enter(ada, at("1", "b"), 1) {
		t.Fatal("a second socket of the connection is refused")
	}
	if n := len(u.byKey[ada].connections[0].sockets); n != 2 {
		t.Errorf("two sockets are counted as %d", n)
	}
	u.Leave(ada, at("1", "a"))
	u.Leave(ada, at("2", "a"))
	if u.Enter(ada, at("2", "c"), 1) {
		t.Error("another connection is admitted while the first has a socket")
	}
	u.Leave(ada, at("1", "b"))
	if !u.Enter(ada, at("2", "c"), 1) {
		t.Error("another connection is refused when the first has no socket")
	}
	if u.Enter(ada, at("3", "d"), 1) || !u.Enter(ada, at("3", "d"), 0) {
		t.Error("without a limit it is refused")
	}
}

// The former gateway may not know yet that the connection is lost.
func TestAClientThatComesBackToItsSessionTakesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := gateways(t, 2, Rules{Connections: 2}.Prepare())
		defer b.close()
		back := func(connection, id string) Seat {
			return Seat{Connection: connection, Socket: connection, ID: id, Returning: true}
		}
		for _, id := range []string{"a", "b"} {
			if !b.users[0].Enter(ada, Seat{Connection: id, Socket: id, ID: id}, 2) {
				t.Fatal("a connection within the limit is refused")
			}
		}
		b.exchanged()
		if !b.users[1].Enter(ada, back("1", "a"), 2) {
			t.Fatal("a client that comes back is refused")
		}
		if b.users[1].Enter(ada, back("2", "not counted"), 2) {
			t.Error("one that was not counted is admitted beyond the limit")
		}
		if b.users[1].Enter(ada, Seat{Connection: "3", Socket: "3", ID: "a"}, 2) {
			t.Error("one that does not come back is admitted for its id")
		}
		b.exchanged()
		if !b.users[0].Enter(ada, Seat{Connection: "6", Socket: "6", ID: "e"}, 3) {
			t.Error("it counts twice")
		}
		b.users[0].Leave(ada, Seat{Connection: "6", Socket: "6"})
		b.users[0].Leave(ada, Seat{Connection: "a", Socket: "a"})
		b.exchanged()
		if b.users[0].Enter(ada, Seat{Connection: "4", Socket: "4", ID: "d"}, 2) {
			t.Error("the place it has taken is free")
		}
		if !b.users[0].Enter(ada, back("5", "b"), 2) {
			t.Error("one that comes back to the same gateway is refused")
		}
	})
}

func TestConnectionsOfALostGatewayAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := gateways(t, 2, Rules{Connections: 1}.Prepare())
		defer b.close()
		seat := Seat{Connection: 1, Socket: 1, ID: "a"}
		b.users[0].Enter(ada, seat, 1)
		b.exchanged()
		if b.users[1].Enter(ada, seat, 1) {
			t.Fatal("a second connection is admitted")
		}
		b.beat(20)
		if b.users[1].Enter(ada, seat, 1) {
			t.Error("the connection of a gateway that is there is forgotten")
		}
		b.users[1].Lost("a")
		if !b.users[1].Enter(ada, seat, 1) {
			t.Error("the connection of a lost gateway still counts")
		}
	})
}

// A gateway that is silent, and is not known to be lost, or whose message was.
func TestConnectionsThatAreNotReportedAgainExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := gateways(t, 2, Rules{Connections: 1}.Prepare())
		defer b.close()
		seat := Seat{Connection: 1, Socket: 1, ID: "a"}
		b.users[0].Enter(ada, seat, 1)
		b.exchanged()
		b.cut[0] = true
		b.beat(refreshBeats)
		if b.users[1].Enter(ada, seat, 1) {
			t.Error("it is forgotten too soon")
		}
		b.beat(int(expireAfter/(2500*time.Millisecond)) + refreshBeats)
		if !b.users[1].Enter(ada, seat, 1) {
			t.Error("it counts for ever")
		}
	})
}

func TestAGatewayThatStartsOrComesBackAsksTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rules{Connections: 1}.Prepare()
		b := gateways(t, 2, r)
		defer b.close()
		seat := Seat{Connection: 1, Socket: 1, ID: "a"}
		b.cut[1] = true
		b.users[0].Enter(ada, seat, 1)
		b.exchanged()
		b.cut[1] = false
		b.users[1].Restored()
		b.exchanged()
		if b.users[1].Enter(ada, seat, 1) {
			t.Error("it does not know after NATS was away")
		}
		late := NewUsers(time.Now)
		late.SetRules(r)
		b.users = append(b.users, late)
		late.Join(busLink{b, 2})
		b.exchanged()
		if late.Enter(ada, seat, 1) {
			t.Error("one that has started does not know")
		}
	})
}

// A gateway more makes the fair shares smaller.
func TestWhatMattersWithMoreGatewaysIsReportedThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rules{Connections: 2}.Prepare()
		b := gateways(t, 2, r)
		defer b.close()
		b.users[0].Enter(ada, Seat{Connection: 1, Socket: 1, ID: "a"}, 2)
		b.users[1].Enter(ada, Seat{Connection: 1, Socket: 1, ID: "b"}, 2)
		late := NewUsers(time.Now)
		late.SetRules(r)
		b.users = append(b.users, late)
		late.SetGateways(3)
		late.Join(busLink{b, 2})
		b.exchanged()
		for _, u := range b.users {
			u.SetGateways(3)
		}
		b.exchanged()
		if late.Enter(ada, Seat{Connection: 1, Socket: 1, ID: "c"}, 2) {
			t.Error("a third connection is admitted")
		}
	})
}

func TestAReportIsNotBelievedWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rules{UserEvents: &Limit{Rate: 10, Burst: 10}, UserBytes: &Limit{Rate: 1000, Burst: 1000}}.Prepare()
		b := gateways(t, 2, r)
		defer b.close()
		s := NewSocket(b.users[0].Hold(ada))
		for range 1000 {
			if err := b.users[0].Receive((&packet{from: "b", entries: []entry{{key: ada, events: 1 << 62, bytes: 1 << 62}}}).encode()[0]); err != nil {
				t.Fatal(err)
			}
		}
		v := s.Ask(r, b.users[0].Now(), say(1))
		if v.By == nil || v.RetryAfter > 10*time.Second {
			t.Errorf("it waits for %v", v.RetryAfter)
		}
	})
}

func TestManyEntriesTakeSeveralPackets(t *testing.T) {
	p := &packet{from: "gateway1"}
	for i := range 5000 {
		p.entries = append(p.entries, entry{key: KeyOf("", string(rune(i))), ids: []uint64{uint64(i)}, hasIDs: true, events: int64(i), bytes: 1})
	}
	var got []entry
	parts := p.encode()
	for _, data := range parts {
		if len(data) > chunkBytes+200 {
			t.Errorf("a packet has %d bytes", len(data))
		}
		part, err := decode(data)
		if err != nil || part.from != p.from {
			t.Fatal(err)
		}
		got = append(got, part.entries...)
	}
	if len(parts) < 2 || !slices.EqualFunc(got, p.entries, func(a, b entry) bool {
		return a.key == b.key && slices.Equal(a.ids, b.ids) && a.events == b.events && a.bytes == b.bytes
	}) {
		t.Errorf("%d of %d entries arrive", len(got), len(p.entries))
	}
}
