// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
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

// A client that was recovered from what was stored before would be in a room that it has been removed from.
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
			test.change(p.socket)
			p.socket.Leave("secret")
			settled := make(chan error, 1)
			one.cluster.events.sessions.of(p.socket).settleAll(func(err error) { settled <- err })
			if err := <-settled; err == nil {
				t.Error("the changes are said to be stored")
			}
			p.vanish()
			if p.connect(two) {
				t.Errorf("recovered into the rooms %v", p.socket.Rooms())
			}
		})
	}
}

func TestTheActionWhoseChangeCannotBeStoredIsTold(t *testing.T) {
	checkNothingIsLeft(t)
	log := &lines{}
	ns := startJetStream(t)
	one := recoveringWith(t, ns, Options{Log: log.logger()})
	p := arrive(t, one, "room")
	n := one.cluster.events.sessions.of(p.socket)
	settle := func() error {
		settled := make(chan error)
		n.settleAll(func(err error) { settled <- err })
		return <-settled
	}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	p.socket.SetData(strings.Repeat("x", 64<<10))
	if err := settle(); err == nil {
		t.Error("data that are too large are said to be stored")
	}
	p.socket.Leave("room")
	if err := settle(); err != nil {
		t.Errorf("what comes after the session has ended: %v", err)
	}
	if n := log.count("session ends"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}

func TestASessionHoldsWhatItsLimitsSay(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one)
	rooms := manyRooms(maxSessionRooms-1, (maxSessionRoomBytes-len(p.SID))/(maxSessionRooms-1))
	data := strings.Repeat("x", maxSessionData-len(`""`))
	for what, err := range map[string]error{
		"rooms": p.socket.CheckJoin(rooms...), "again": p.socket.CheckJoin(p.SID), "data": p.socket.CheckData(data),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	p.socket.Join(rooms...)
	p.socket.SetData(data)
	for what, err := range map[string]error{
		"one room more": p.socket.CheckJoin("x"), "one byte more": p.socket.CheckData(data + "x"), "no data": p.socket.CheckData(func() {}),
	} {
		if err == nil {
			t.Errorf("%s fits", what)
		}
	}
	p.vanish()
	if !p.connect(two) {
		t.Fatal("not recovered")
	}
	if got := len(p.socket.Rooms()); got != maxSessionRooms {
		t.Errorf("in %d rooms", got)
	}
	if got := p.socket.Data(); got != data {
		t.Error("the data differ")
	}
}
