// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/places"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// seats are rooms with one place each.
type seats struct {
	t      *testing.T
	keeper *places.Keeper
	// before and after are called, once, when a socket takes its place.
	before, after atomic.Pointer[func(*socketio.Socket)]
}

func seatsOf(t *testing.T, g *gateway) *seats {
	t.Helper()
	main := g.IO.Of("/")
	if err := places.Configure(main, func(room string) int { return strings.Count(room, "seat") }); err != nil {
		t.Fatal(err)
	}
	keeper, err := places.Of(main)
	if err != nil {
		t.Fatal(err)
	}
	s := &seats{t: t, keeper: keeper}
	main.SetPlaces(&socketio.Places{
		Take: func(socket *socketio.Socket, rooms []string) []error {
			if f := s.before.Swap(nil); f != nil {
				(*f)(socket)
			}
			wishes := make([]places.Wish, len(rooms))
			for i, room := range rooms {
				wishes[i] = places.Wish{Room: room, Capacity: keeper.Capacity(room)}
			}
			errs := places.Take(socket, wishes)
			if f := s.after.Swap(nil); f != nil {
				(*f)(socket)
			}
			return errs
		},
		GiveBack: places.GiveBack,
	})
	return s
}

// rival asks for the place by the same gateway: in whatever order records are written, the answer
// comes after all that has happened before.
func (s *seats) rival() error {
	err := s.keeper.Take("rival", places.Wish{Room: "seat", Capacity: 1})[0]
	if err == nil {
		s.keeper.Release("rival", "seat")
	}
	return err
}

func (s *seats) wantTaken(when string) {
	s.t.Helper()
	err := s.rival()
	for errors.Is(err, places.ErrUnavailable) {
		err = s.rival()
	}
	if !errors.Is(err, places.ErrFull) {
		s.t.Errorf("%s, somebody else who wants the place gets: %v", when, err)
	}
}

func (s *seats) wantFree(when string) {
	s.t.Helper()
	if err := s.rival(); err != nil {
		s.t.Errorf("%s, somebody else who wants the place gets: %v", when, err)
	}
}

// wantBack wants the client in its place, and the place free when it has left that.
func (s *seats) wantBack(p *person, g *gateway) {
	s.t.Helper()
	if !p.Connect(g) {
		s.t.Fatal("not recovered")
	}
	sockettest.WantRooms(s.t, p.Socket, "seat")
	s.wantTaken("when it is back")
	p.Socket.Leave("seat")
	s.wantFree("when it has left")
}

func TestAClientThatIsNotRecoveredGivesItsPlaceBack(t *testing.T) {
	checkNothingIsLeft(t)
	one := recovering(t, startJetStream(t))
	s := seatsOf(t, one)
	p := arrive(t, one, "seat")
	s.wantTaken("while somebody is there")
	p.Vanish()
	for i := range 101 { // more than it may have missed
		emit(t, one.IO.To("seat"), "n", i)
	}
	s.wantTaken("while somebody may come back")
	if p.Connect(one) {
		t.Fatal("recovered")
	}
	s.wantFree("when nobody comes back")
}

// The client is to come again, and its place waits for it.
func TestAPlaceWaitsForAClientThatCannotBeRecoveredNow(t *testing.T) {
	for name, stall := range map[string]func(t *testing.T, s *seats, url string, proxy *natstest.Proxy, two *gateway){
		"its session cannot be taken over": func(_ *testing.T, s *seats, _ string, proxy *natstest.Proxy, _ *gateway) {
			f := func(*socketio.Socket) { proxy.Stall() }
			s.after.Store(&f)
		},
		"what it has missed cannot be read": func(t *testing.T, s *seats, url string, proxy *natstest.Proxy, two *gateway) {
			// The gateway that had the session is told when it is taken over. The answer with what
			// was missed is on its way for longer than that, and gets lost.
			nc := natstest.Connect(t, url)
			_, err := nc.Subscribe(wire.FenceSubject("default/chat", two.Cluster.ID()), func(*nats.Msg) { proxy.Cut() })
			if err == nil {
				err = nc.Flush()
			}
			if err != nil {
				t.Fatal(err)
			}
			f := func(*socketio.Socket) { proxy.Delay(200 * time.Millisecond) }
			s.after.Store(&f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			proxy := natstest.NewProxy(t, ns.ClientURL())
			one := newGateway(t, cluster.Options{URLs: []string{proxy.URL()}, Recovery: &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second}})
			await(t, "the log is ready", one.Cluster.LogReady)
			two := recovering(t, ns)
			waitForPeer(t, one, two)
			waitForPeer(t, two, one)
			s := seatsOf(t, one)
			seatsOf(t, two)
			p := arrive(t, two, "seat")
			emit(t, two.IO.To("seat"), "n", 1)
			p.Expect(`["n",1]`)
			p.Vanish()
			emit(t, two.IO.To("seat"), "n", 2)
			two.Stored(t)
			stall(t, s, ns.ClientURL(), proxy, two)
			p.Ask(one)
			p.Wire.ExpectClosed()
			proxy.Delay(0)
			proxy.Resume()
			proxy.Mend()
			s.wantTaken("before it comes again")
			s.wantBack(p, one)
		})
	}
}

// The connection is dead, and nobody knows that before the client is back.
func TestAClientThatComesBackBeforeItIsMissedKeepsItsPlace(t *testing.T) {
	checkNothingIsLeft(t)
	one := recovering(t, startJetStream(t))
	s := seatsOf(t, one)
	p := arrive(t, one, "seat")
	p.Settled()
	between := func(*socketio.Socket) { s.wantTaken("while it comes back") }
	s.before.Store(&between)
	s.wantBack(p, one)
}

// What handles the loss of the former connection takes until the client is back by another one.
func TestAFormerSocketDoesNotGiveTheClientsPlaceAway(t *testing.T) {
	checkNothingIsLeft(t)
	one := recovering(t, startJetStream(t))
	s := seatsOf(t, one)
	p := arrive(t, one, "seat")
	p.Settled()
	held, ended := make(chan struct{}), make(chan struct{})
	leaving := make(chan struct{})
	p.Socket.OnDisconnecting(func(string) {
		close(leaving)
		<-held
	})
	p.Socket.OnDisconnect(func(string) { close(ended) })
	p.Wire.Close()
	<-leaving
	if !p.Connect(one) {
		t.Fatal("not recovered")
	}
	close(held)
	<-ended
	s.wantTaken("when the former socket is gone")
	p.Socket.Leave("seat")
	s.wantFree("when the client has left")
}

func TestAClientThatIsLostAsItComesBackKeepsItsPlace(t *testing.T) {
	checkNothingIsLeft(t)
	one := recovering(t, startJetStream(t))
	s := seatsOf(t, one)
	p := arrive(t, one, "seat")
	p.Vanish()
	lost := func(socket *socketio.Socket) {
		p.Wire.Close()
		<-socket.ConnectionContext().Done()
	}
	s.after.Store(&lost)
	p.Ask(one)
	await(t, "the connection is gone", func() bool { return one.IO.Connections() == 0 })
	await(t, "the socket is gone", func() bool { return one.IO.Of("/").Len() == 0 && len(one.IO.Of("/").Adapter().RoomSizes()) == 0 })
	s.wantTaken("before it comes again")
	s.wantBack(p, one)
}

// A client that comes back to many rooms waits for all of them at once.
func TestThePlacesOfAClientThatComesBackAreTakenTogether(t *testing.T) {
	checkNothingIsLeft(t)
	one := recovering(t, startJetStream(t))
	s := seatsOf(t, one)
	rooms := []string{"seat 1", "seat 2", "seat 3", "seat 4"}
	p := arrive(t, one, rooms...)
	p.Vanish()
	times := 0
	var count func(*socketio.Socket)
	count = func(*socketio.Socket) {
		times++
		s.before.Store(&count)
	}
	s.before.Store(&count)
	if !p.Connect(one) || times != 1 {
		t.Errorf("places are taken %d times", times)
	}
	slices.Sort(rooms)
	sockettest.WantRooms(t, p.Socket, rooms...)
}
