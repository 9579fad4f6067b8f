// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestRow53AClientComesBackToAServerOfItsOwn(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	g, witness := r.arrive(t, "room", "other"), r.arrive(t, "room")
	g.socket.SetData(map[string]any{"name": "Ada"})
	emit(t, r.io.To("room"), "n", 1)
	g.Expect(`["n",1]`)
	witness.Expect(`["n",1]`)

	g.vanish()
	emit(t, r.io.To("room"), "n", 2)
	emit(t, r.io.To("elsewhere"), "n", "not for us")
	emit(t, r.io.Except("other"), "n", "not for others")
	emit(t, r.io.To("room").Except(g.SID), "n", "for all but us")
	emit(t, r.io.To("other", "elsewhere"), "n", 3)
	emit(t, r.io.To("room", "other"), "n", "once")
	emit(t, r.io.To(g.SID), "n", 4)
	emit(t, r.io, "n", 5)
	witness.Expect(`["n",2]`, `["n","not for others"]`, `["n","for all but us"]`, `["n","once"]`, `["n",5]`)
	witness.emitVolatile(r.io.Volatile())

	g.mustConnect(`["n",2]`, `["n",3]`, `["n","once"]`, `["n",4]`, `["n",5]`)
	if data, ok := g.socket.Data().(map[string]any); !ok || data["name"] != "Ada" {
		t.Errorf("its data are %v", g.socket.Data())
	}
	for _, target := range []string{"room", "other", g.SID} {
		emit(t, r.io.To(target), "again", target)
		g.Expect(fmt.Sprintf(`["again",%q]`, target))
	}
	for i := range 3 { // a second loss does not repeat the first
		g.vanish()
		emit(t, r.io.To("room"), "loss", i)
		g.mustConnect(fmt.Sprintf(`["loss",%d]`, i))
	}
}

func TestRow53BinaryEventsComeAgainWithTheirAttachments(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	g := r.arrive(t)
	event := `["b",{"_placeholder":true,"num":0},"text"]binary [1 2]`
	emit(t, g.socket, "b", []byte{1, 2}, "text")
	g.Expect(event)
	g.vanish()
	emit(t, r.io.To(g.SID), "b", []byte{1, 2}, "text")
	g.mustConnect(event)
	g.vanish()
	g.mustConnect()
}

func TestRow53AnOffsetThatSaysNothingIsNone(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	emit(t, r.io, "before it came")
	g := r.arrive(t)
	emit(t, r.io.To("room"), "before it joined")
	g.socket.Join("room")
	emit(t, r.io, "n", 0)
	g.Expect(`["n",0]`)
	g.vanish()
	emit(t, r.io.To("room"), "n", 1)
	mark, _, _ := strings.Cut(g.Offset, ".")
	for _, offset := range []string{"", "nonsense", "other.1", mark, mark + ".", mark + ".-1", mark + ".zzzzzz", mark + ".zzzzzzzzzzzzzzzzzzzz"} {
		g.Offset = offset
		g.mustConnect(`["n",0]`, `["n",1]`)
		g.vanish()
	}
}

func TestRow53VolatileEventsAndQuestionsAreNotSentAgain(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	g := r.arrive(t, "room")
	g.emitVolatile(r.io.To("room").Volatile())
	g.emitVolatile(g.socket.Volatile())
	usable := g.Offset
	// Nor does a question change the offset: its last argument is no string to a client, which adds
	// the answer's function.
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := r.io.To("room").EmitWithAck(ctx, "q", "text")
		answered <- err
	}()
	if got := g.Wire.Receive(); got != `420["q","text"]` {
		t.Errorf("the question is %s", got)
	}
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("the question ends with %v", err)
	}
	g.vanish()
	emit(t, r.io.To("room").Volatile(), "v", "lost")
	emit(t, r.io.To("room"), "n", 2)
	g.Offset = usable
	g.mustConnect(`["n",2]`)
}

func TestRow53WhatWasSentToADeadConnectionComesAgain(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	g := r.arrive(t, "room")
	emit(t, r.io, "n", 0)
	g.Expect(`["n",0]`)
	emit(t, r.io.To("room"), "n", 1) // not read by the client before it is lost
	g.Wire.Receive()
	g.socket.Leave("room")
	emit(t, r.io.To("room"), "n", 2)
	g.vanish()
	g.mustConnect(`["n",1]`)
}

func TestRow53TheHalfOpenConnectionOfARecoveredSessionHasNoSay(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	g := r.arrive(t, "room")
	g.socket.SetData("fresh")
	old, oldSocket := g.Wire, g.socket
	oldSocket.OnDisconnect(func(reason string) { t.Errorf("the old socket's handlers hear %s", reason) })
	g.mustConnect()
	old.ExpectClosed()
	oldSocket.SetData("stale")
	oldSocket.Join("stale")
	if err := oldSocket.Emit("n", "stale"); !errors.Is(err, socketio.ErrDisconnected) {
		t.Errorf("the old socket emits: %v", err)
	}
	emit(t, r.io.To("room"), "n", 1)
	g.Expect(`["n",1]`)
	g.vanish()
	emit(t, r.io.To("room"), "n", 2)
	g.mustConnect(`["n",2]`)
	if g.socket.Data() != "fresh" {
		t.Errorf("the data are %v", g.socket.Data())
	}
	if rooms := g.socket.Rooms(); len(rooms) != 2 {
		t.Errorf("the rooms are %v", rooms)
	}
}

// A client that has given up its second connection before it was let in comes by a third.
func TestRow53AConnectionThatIsSupersededOnItsWayInIsNotConnected(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: true}})
	waits, goOn := make(chan struct{}), make(chan struct{})
	calls := 0
	r.io.Use(func(*socketio.Socket) error {
		if calls++; calls == 2 {
			close(waits)
			<-goOn
		}
		return nil
	})
	g := r.arrive(t, "room")
	g.vanish()
	g.ask()
	second := g.Wire
	<-waits
	g.mustConnect()
	close(goOn)
	if got := second.ExpectClosed(); len(got) != 0 {
		t.Errorf("the second connection hears %s", got)
	}
	emit(t, r.io.To("room"), "n", 1)
	g.Expect(`["n",1]`)
	if r.io.Of("/").Socket(g.SID) != g.socket || r.io.Of("/").Len() != 1 {
		t.Errorf("the namespace has %v, want %v alone", r.io.Of("/").Sockets(), g.socket)
	}
	g.vanish()
	emit(t, r.io.To("room"), "n", 2)
	g.mustConnect(`["n",2]`)
}

func TestRow53WhoLeavesForGoodBeginsAnewOnAServerOfItsOwn(t *testing.T) {
	ends := map[string]func(*guest){
		"the client leaves":      func(g *guest) { g.Wire.Send("41") },
		"the server disconnects": func(g *guest) { g.socket.Disconnect(false) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			r := newRecovering(t, socketio.Options{})
			g := r.arrive(t, "room")
			gone := make(chan struct{})
			g.socket.OnDisconnect(func(string) { close(gone) })
			end(g)
			<-gone
			if g.connect() {
				t.Error("recovered")
			}
		})
	}
}

func TestRow53WhoHasMissedTooMuchBeginsAnewOnAServerOfItsOwn(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{MaxMessages: 3}})
	g := r.arrive(t, "room")
	for i := range 10 { // what it has got counts for nothing
		emit(t, r.io, "n", i)
		g.Expect(fmt.Sprintf(`["n",%d]`, i))
	}
	g.vanish()
	for i := range 3 {
		emit(t, r.io.To("room"), "n", i)
		emit(t, r.io.To("elsewhere"), "n", i) // nor does what was not for it
	}
	g.mustConnect(`["n",0]`, `["n",1]`, `["n",2]`)
	g.vanish()
	for i := range 4 {
		emit(t, r.io.To("room"), "n", i)
	}
	if g.connect() {
		t.Error("recovered")
	}
	emit(t, r.io, "n", "next")
	g.Expect(`["n","next"]`)
}

func TestRow53WhoIsAwayForTooLongBeginsAnew(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Nanosecond}})
	g := r.arrive(t)
	for again := true; again; again = g.connect() { // until it is late
		g.vanish()
	}
	long := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
	g = long.arrive(t)
	g.vanish()
	g.mustConnect()
}

func TestRow53OneTooManyAwayEndsTheOldestSession(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{MaxSessions: 2}})
	one, two, three := r.arrive(t), r.arrive(t), r.arrive(t)
	for _, g := range []*guest{one, two, three} {
		g.vanish()
	}
	two.mustConnect()
	three.mustConnect()
	if one.connect() {
		t.Error("the first to leave is recovered")
	}
	two.vanish()
	two.mustConnect() // who has come back is not counted
	three.vanish()
	one.vanish()
	three.mustConnect()
	one.mustConnect()
}

func TestRow53WhoIsAwayIsNotMovedOrDisconnected(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	g := r.arrive(t, "room")
	g.vanish()
	ctx := t.Context()
	if err := errors.Join(r.io.SocketsJoin(ctx, "more"), r.io.SocketsLeave(ctx, "room"), r.io.DisconnectSockets(ctx, true)); err != nil {
		t.Fatal(err)
	}
	if sockets, err := r.io.FetchSockets(ctx); err != nil || len(sockets) != 0 {
		t.Errorf("sockets %v, %v", sockets, err)
	}
	g.mustConnect()
	if rooms := g.socket.Rooms(); len(rooms) != 2 || !slices.Contains(rooms, "room") {
		t.Errorf("the rooms are %v", rooms)
	}
}

func TestRow53AMiddlewareMayRefuseWhoComesBack(t *testing.T) {
	for _, run := range []bool{false, true} {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: run}})
			calls := 0
			r.io.Use(func(*socketio.Socket) error {
				if calls++; calls == 2 {
					return errors.New("not now")
				}
				return nil
			})
			g := r.arrive(t, "room")
			g.vanish()
			emit(t, r.io.To("room"), "n", 1)
			if run {
				g.ask()
				g.Wire.Expect(`44{"message":"not now"}`)
				emit(t, r.io.To("room"), "n", 2)
				g.mustConnect(`["n",1]`, `["n",2]`) // the session was kept
				return
			}
			g.mustConnect(`["n",1]`)
			if calls != 1 {
				t.Errorf("the middleware ran %d times", calls)
			}
		})
	}
}

// A client that is too slow is closed within a broadcast, which has the keeper's lock: its session
// is released behind it.
func TestRow53AClientThatIsTooSlowHoldsNobodyUp(t *testing.T) {
	r := newRecovering(t, socketio.Options{Engine: engineio.Config{MaxQueueMessages: 4}})
	slow, quick := r.arrive(t, "room"), r.arrive(t, "room")
	gone := make(chan string, 1)
	slow.socket.OnDisconnect(func(reason string) { gone <- reason })
	text := strings.Repeat("x", 1<<20)
	sent := 0
	for reason := ""; reason == ""; {
		emit(t, r.io.To(slow.SID), "n", text)
		sent++
		emit(t, r.io.To(quick.SID), "n", sent)
		quick.Expect(fmt.Sprintf(`["n",%d]`, sent))
		select {
		case reason = <-gone:
			if reason != string(engineio.ReasonSlowConsumer) {
				t.Errorf("the slow client ends by %s", reason)
			}
		default:
		}
	}
	slow.Wire.Close()
	if !slow.connect() {
		t.Error("not recovered")
	}
}

func TestRow53EachGetsEventsInOneOrderWhileItComesAndGoes(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	g := r.arrive(t, "room")
	stop, stopped := make(chan struct{}), make(chan int)
	unread := make(chan struct{}, 500) // fewer than are kept
	go func() {
		n := 0
		defer func() { stopped <- n }()
		for ; ; n++ {
			select {
			case unread <- struct{}{}:
				if err := r.io.To("room").Emit("n", n); err != nil {
					t.Error(err)
				}
			case <-stop:
				return
			}
		}
	}()
	next := 0
	check := func(event string) {
		if want := fmt.Sprintf(`["n",%d]`, next); event != want {
			t.Errorf("received %s, want %s", event, want)
		}
		next++
		<-unread
	}
	for range 10 {
		for range 100 {
			check(g.Take(g.Wire.Receive()))
		}
		g.vanish()
		if !g.connect() {
			t.Fatal("not recovered")
		}
	}
	close(stop)
	for all := <-stopped; next < all; {
		check(g.Take(g.Wire.Receive()))
	}
}

// A client that came back without its data, or with older ones, would not be the one that it was.
func TestRow53AClientWhoseDataCannotBeEncodedStartsANewSession(t *testing.T) {
	for name, lose := range map[string]func(*guest){
		"its connection has ended": func(g *guest) { g.vanish() },
		"it is half open":          func(*guest) {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecovering(t, socketio.Options{})
			g := r.arrive(t, "room")
			g.socket.SetData("before")
			g.socket.SetData(func() {})
			if err := g.socket.CheckData(func() {}); err == nil {
				t.Error("a function is said to be data")
			}
			lose(g)
			if g.connect() {
				t.Errorf("recovered with the data %v", g.socket.Data())
			}
		})
	}
}

// Knowing a private id must not be enough to end its client's connection.
func TestRow53AClientThatIsRefusedTakesTheSessionFromNobody(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: true}})
	returning := 0
	r.io.Use(func(s *socketio.Socket) error {
		if !s.Recovered() {
			return nil
		}
		returning++
		return errors.New("not you")
	})
	g := r.arrive(t, "room")
	thief := wiretest.Guest{T: t, PID: g.PID, SID: g.SID}
	thief.Ask(r.url, path)
	thief.Wire.Expect(`44{"message":"not you"}`)
	emit(t, r.io.To("room"), "n", 1)
	g.Expect(`["n",1]`)
	if !g.socket.Connected() || returning != 1 || r.io.Of("/").Len() != 1 {
		t.Errorf("connected %t, the middleware ran %d times for clients that return", g.socket.Connected(), returning)
	}
}

func TestRow53WhatAMiddlewareChangesIsPartOfTheSession(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: true}})
	r.io.Use(func(s *socketio.Socket) error {
		if s.Recovered() {
			s.Join("returned")
			s.SetData("returned")
		}
		return nil
	})
	g := r.arrive(t, "room")
	for range 2 {
		g.vanish()
		g.mustConnect()
	}
	if rooms := g.socket.Rooms(); len(rooms) != 3 || !slices.Contains(rooms, "returned") || g.socket.Data() != "returned" {
		t.Errorf("the rooms are %v, the data %v", rooms, g.socket.Data())
	}
}
