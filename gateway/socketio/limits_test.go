// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"fmt"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A client could gather the sessions of several connections in one.
func TestAClientThatWouldBeInTooManyRoomsBeginsANewSession(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	r.io.SetLimits(socketio.Limits{Rooms: 3})
	gone := make(chan struct{}, 4)
	names := []string{"/a", "/b"}
	for _, name := range names {
		r.io.Of(name).OnConnection(func(s *socketio.Socket) {
			s.OnDisconnect(func(string) { gone <- struct{}{} })
			r.sockets <- s
		})
	}
	sids, pids := map[string]string{}, map[string]string{}
	for _, name := range names {
		c := wiretest.Dial(t, r.url, path, "", nil)
		c.Send("40" + name + ",")
		sids[name], pids[name] = ids(t, c, name)
		s := <-r.sockets
		s.Join("1", "2")
		if left, bounded := s.RoomsLeft(); left != 1 || !bounded {
			t.Errorf("%d rooms are left, bounded %t", left, bounded)
		}
		c.Close()
		<-gone
	}
	again := wiretest.Dial(t, r.url, path, "", nil)
	for _, name := range names {
		again.Send(fmt.Sprintf(`40%s,{"pid":%q}`, name, pids[name]))
		sid, _ := ids(t, again, name)
		s := <-r.sockets
		if got, want := sid == sids[name], name == "/a"; got != want || s.Recovered() != want {
			t.Errorf("%s is recovered: %t, want %t", name, got, want)
		}
	}
}
