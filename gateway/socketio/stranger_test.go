// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A connection has ConnectTimeout to be in a namespace, at first and whenever it is in none again.
func TestAClientInNoNamespaceIsClosed(t *testing.T) {
	server, url := server(t, socketio.Options{ConnectTimeout: 200 * time.Millisecond, Engine: engineio.Config{AllowEIO3: true}})
	server.Of("/other")
	server.Of("/private").Use(func(*socketio.Socket) error { return errors.New("no") })
	sockets := make(chan *socketio.Socket, 10)
	server.OnConnection(func(s *socketio.Socket) { sockets <- s })
	unadmitted := func(n int) {
		t.Helper()
		wiretest.Await(t, "the unadmitted are counted", func() bool { return server.Engine().Unadmitted() == n })
	}
	alive := func(c *wiretest.Client) {
		t.Helper()
		c.Send(`40/private,`)
		c.Expect(`44/private,{"message":"no"}`)
	}
	// stays wants a client to be there when the timeout has passed: for another client, which comes
	// after all that this one has sent was handled.
	stays := func(c *wiretest.Client) {
		t.Helper()
		alive(c)
		wiretest.Dial(t, url, path, "", nil).ExpectClosed()
		alive(c)
	}

	t.Run("nothing is sent", func(t *testing.T) {
		c := wiretest.Dial(t, url, path, "", nil)
		unadmitted(1)
		c.ExpectClosed()
		unadmitted(0)
	})
	t.Run("refused again and again", func(t *testing.T) {
		c := wiretest.Dial(t, url, path, "", nil)
		for range 5 {
			alive(c)
		}
		unadmitted(1)
		c.ExpectClosed()
		unadmitted(0)
	})
	t.Run("let in", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		<-sockets
		unadmitted(0)
		stays(c)
		t.Run("has left", func(t *testing.T) {
			c.Send(`41`)
			unadmitted(1)
			c.ExpectClosed()
			unadmitted(0)
		})
	})
	t.Run("disconnected", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		(<-sockets).Disconnect(false)
		c.Expect(`41`)
		c.ExpectClosed()
	})
	t.Run("still in another namespace", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		<-sockets
		c.Join("/other")
		c.Send(`41/other,`)
		stays(c)
		unadmitted(0)
	})
	t.Run("still in a later namespace", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		<-sockets
		c.Join("/other")
		c.Send(`41`)
		stays(c)
		unadmitted(0)
	})
	t.Run("let in again", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		<-sockets
		c.Send(`41`)
		c.Join("/other")
		unadmitted(0)
		stays(c)
	})
	t.Run("2.x", func(t *testing.T) {
		c := dialV2(t, url)
		c.expect(`40`)
		<-sockets
		unadmitted(0)
		c.send(`41`)
		if _, data, err := c.conn.ReadMessage(); err == nil {
			t.Errorf("received %s", data)
		}
	})
}

// A client that has gone is not waited for as one that has something to fetch.
func TestAClientThatPollsNoMoreIsForgottenSoon(t *testing.T) {
	server, url := server(t, socketio.Options{ConnectTimeout: 100 * time.Millisecond})
	begun := time.Now()
	resp, err := http.Get(url + path + "?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.HasPrefix(string(body), "0{") {
		t.Fatalf("the handshake is answered %q, %v", body, err)
	}
	wiretest.Await(t, "it is forgotten", func() bool { return server.Connections() == 0 })
	if after := time.Since(begun); after > 20*time.Second { // it would be 30
		t.Errorf("that took %s", after)
	}
}
