// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
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
