// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"slices"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestRow51Disconnect(t *testing.T) {
	io, url := server(t, socketio.Options{})
	sockets := make(chan *socketio.Socket, 2)
	gone := make(chan string, 2)
	join := func(s *socketio.Socket) {
		s.OnDisconnect(func(reason string) { gone <- s.Namespace().Name() + " " + reason })
		sockets <- s
	}
	io.OnConnection(join)
	io.Of("/other").OnConnection(join)
	c, _ := wiretest.Connect(t, url, path, "/")
	s := <-sockets
	c.Join("/other")
	other := <-sockets

	other.Disconnect(false)
	c.Expect(`41/other,`)
	if got := <-gone; got != "/other server namespace disconnect" {
		t.Error(got)
	}
	other.Disconnect(false) // does nothing
	c.Join("/other")
	<-sockets
	s.Disconnect(true)
	before := c.ExpectClosed()
	slices.Sort(before)
	if !slices.Equal(before, []string{`41`, `41/other,`}) {
		t.Errorf("before the end: %q", before)
	}
	reasons := []string{<-gone, <-gone}
	slices.Sort(reasons)
	if !slices.Equal(reasons, []string{"/ server namespace disconnect", "/other server namespace disconnect"}) {
		t.Errorf("reasons %q", reasons)
	}
}

func TestRow52DisconnectReasons(t *testing.T) {
	config := engineio.Config{PingInterval: 50 * time.Millisecond, PingTimeout: time.Second} // to connect in
	patient := engineio.Config{}
	tests := []struct {
		name   string
		engine engineio.Config
		end    func(io *socketio.Server, c *wiretest.Client)
		want   string
	}{
		{"client leaves", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`41`) }, socketio.ReasonClientDisconnect},
		{"client closes", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`1`) }, socketio.ReasonTransportClose},
		{"client is killed", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Close() }, socketio.ReasonTransportClose},
		{"client pings", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`2`) }, socketio.ReasonTransportError},
		{"client is silent", config, func(*socketio.Server, *wiretest.Client) {}, socketio.ReasonPingTimeout},
		{"no packet", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`4abc`) }, socketio.ReasonParseError},
		{"unknown engine packet", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`abc`) }, socketio.ReasonParseError},
		{"misplaced packet", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`42/x,["e"]`) }, socketio.ReasonForcedServerClose},
		{"second CONNECT", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`40`) }, socketio.ReasonForcedServerClose},
		{"handler panics", patient, func(_ *socketio.Server, c *wiretest.Client) { c.Send(`42["panic"]`) }, socketio.ReasonForcedClose},
		{"server disconnects", patient, func(io *socketio.Server, _ *wiretest.Client) { io.Of("/").Sockets()[0].Disconnect(false) },
			socketio.ReasonServerDisconnect},
		{"server closes", patient, func(io *socketio.Server, _ *wiretest.Client) { io.Close() }, socketio.ReasonServerShuttingDown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			io, url := server(t, socketio.Options{Engine: tt.engine})
			var disconnecting string
			gone, ready := make(chan string, 1), make(chan struct{})
			io.OnConnection(func(s *socketio.Socket) {
				s.On("panic", func(*socketio.Event) { panic("as the test wants") })
				s.OnDisconnecting(func(reason string) { disconnecting = reason })
				s.OnDisconnect(func(reason string) { gone <- reason })
				close(ready)
			})
			c, _ := wiretest.Connect(t, url, path, "/")
			<-ready
			tt.end(io, c)
			if got := <-gone; got != tt.want || disconnecting != tt.want {
				t.Errorf("disconnecting %q, disconnect %q, want %q", disconnecting, got, tt.want)
			}
		})
	}
}
