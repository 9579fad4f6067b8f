// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A second DISCONNECT would end the socket with which a client has come back to the namespace.
func TestAClientIsToldOnceThatItIsDisconnected(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/")
	sockets := make(chan *socketio.Socket, 1)
	io.Of("/room").OnConnection(func(s *socketio.Socket) { sockets <- s })
	c, _ := wiretest.Connect(t, url, path, "/")
	for range 500 {
		c.Join("/room")
		s := <-sockets
		var calls sync.WaitGroup
		begin := make(chan struct{})
		for range 4 {
			calls.Go(func() {
				<-begin
				s.Disconnect(false)
			})
		}
		close(begin)
		calls.Wait()
		c.Expect("41/room,")
	}
	c.Join("/room")
}

// socket.disconnect().connect() of a stock client sends both packets at once.
func TestAClientLeavesAndComesBackWhileItsHandlerRuns(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/other")
	begun, end := make(chan struct{}), make(chan struct{})
	io.OnConnection(func(s *socketio.Socket) {
		s.On("work", func(*socketio.Event) {
			close(begun)
			<-end
		})
	})
	c, former := wiretest.Connect(t, url, path, "/")
	c.Send(`42["work"]`)
	<-begun
	c.Send("41", "40")
	c.Send("40/other,") // it is read after the others, which wait by then
	c.Receive()
	close(end)
	if id := c.Receive(); !strings.HasPrefix(id, `40{"sid":`) || strings.Contains(id, former) {
		t.Errorf("answered %s", id)
	}
}
