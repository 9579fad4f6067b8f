// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// manyRooms are n rooms whose names have so many bytes.
func manyRooms(n, length int) []string {
	rooms := make([]string, n)
	for i := range rooms {
		rooms[i] = fmt.Sprintf("%0*d", length, i)
	}
	return rooms
}

// A client that was recovered from what was stored before would be in a room that it has been
// removed from.
func TestASessionWhoseChangeCannotBeStoredIsNotRecovered(t *testing.T) {
	changes := map[string]struct {
		maxPayload int32
		change     func(s *socketio.Socket)
	}{
		"data larger than a session may have":      {0, func(s *socketio.Socket) { s.SetData(strings.Repeat("x", 64<<10)) }},
		"data larger than NATS carries":            {0, func(s *socketio.Socket) { s.SetData(strings.Repeat("x", 1<<20)) }},
		"data larger than a small NATS carries":    {4096, func(s *socketio.Socket) { s.SetData(strings.Repeat("x", 3000)) }},
		"data that cannot be encoded":              {0, func(s *socketio.Socket) { s.SetData(func() {}) }},
		"too many rooms":                           {0, func(s *socketio.Socket) { s.Join(manyRooms(1024, 8)...) }},
		"rooms whose names are too long":           {0, func(s *socketio.Socket) { s.Join(manyRooms(3, 50<<10)...) }},
		"more rooms than a small NATS takes":       {4096, func(s *socketio.Socket) { s.Join(manyRooms(100, 8)...) }},
		"rooms whose names take more when escaped": {0, func(s *socketio.Socket) { s.Join(strings.Repeat("\x00", 30<<10)) }},
	}
	for name, test := range changes {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), MaxPayload: test.maxPayload})
			one, two := recovering(t, ns), recovering(t, ns)
			p := arrive(t, one, "secret")
			test.change(p.Socket)
			p.Socket.Leave("secret")
			settled := make(chan error, 1)
			one.Cluster.Sessions().Of(p.Socket).AfterStored(func(err error) { settled <- err })
			if err := <-settled; err == nil {
				t.Error("the changes are said to be stored")
			}
			p.Vanish()
			if p.Connect(two) {
				t.Errorf("recovered into the rooms %v", p.Socket.Rooms())
			}
		})
	}
}

func TestTheActionWhoseChangeCannotBeStoredIsTold(t *testing.T) {
	checkNothingIsLeft(t)
	log := &lines{}
	ns := startJetStream(t)
	one := recoveringWith(t, ns, cluster.Options{Log: log.Logger()})
	p := arrive(t, one, "room")
	n := one.Cluster.Sessions().Of(p.Socket)
	settle := func() error {
		settled := make(chan error)
		n.AfterStored(func(err error) { settled <- err })
		return <-settled
	}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	p.Socket.SetData(strings.Repeat("x", 64<<10))
	if err := settle(); err == nil {
		t.Error("data that are too large are said to be stored")
	}
	p.Socket.Leave("room")
	if err := settle(); err != nil {
		t.Errorf("what comes after the session has ended: %v", err)
	}
	if n := log.Count("session ends"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}

func TestASessionHoldsWhatItsLimitsSay(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one)
	rooms := manyRooms(recovery.MaxSessionRooms-1, (recovery.MaxSessionRoomBytes-len(p.SID))/(recovery.MaxSessionRooms-1))
	data := strings.Repeat("x", recovery.MaxSessionData-len(`""`))
	for what, err := range map[string]error{
		"rooms": p.Socket.CheckJoin(rooms...), "again": p.Socket.CheckJoin(p.SID), "data": p.Socket.CheckData(data),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	p.Socket.Join(rooms...)
	p.Socket.SetData(data)
	for what, err := range map[string]error{
		"one room more": p.Socket.CheckJoin("x"), "one byte more": p.Socket.CheckData(data + "x"), "no data": p.Socket.CheckData(func() {}),
	} {
		if err == nil {
			t.Errorf("%s fits", what)
		}
	}
	p.Vanish()
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	if got := len(p.Socket.Rooms()); got != recovery.MaxSessionRooms {
		t.Errorf("in %d rooms", got)
	}
	if got := p.Socket.Data(); got != data {
		t.Error("the data differ")
	}
}

// Its client has come back elsewhere while a change waited to be stored behind another.
func TestWhatASessionThatIsOverHasNotStoredIsToldToHaveFailed(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	p := arrive(t, one, "room")
	p.Settled()
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	outcomes := make(chan error, 2)
	for i := range 2 { // one is on its way, and one waits behind it
		p.Socket.SetData(i)
		p.Socket.Settle(func(err error) { outcomes <- err })
	}
	n := one.Cluster.Sessions().Of(p.Socket)
	n.Abandon()
	if err := n.SaveAndWait(); !errors.Is(err, recovery.ErrSessionOver) {
		t.Errorf("the outcome of a later change is %v", err)
	}
	ns.Start()
	if err := <-outcomes; err != nil {
		t.Errorf("the outcome of the first change is %v", err)
	}
	if err := <-outcomes; !errors.Is(err, recovery.ErrSessionOver) {
		t.Errorf("the outcome of the second change is %v", err)
	}
}
