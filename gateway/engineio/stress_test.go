// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// mayhem is how many sessions are opened before the server is closed.
const mayhem = 200

// Clients of all sorts come, go and misbehave while everybody is sent to, and the server is closed
// in the midst of it. Whatever happens to them, each session is closed exactly once, and no
// goroutine is left.
func TestMayhem(t *testing.T) {
	var mu sync.Mutex
	sessions := map[*engineio.Session]bool{}
	var opened, closed int
	enough := make(chan struct{}) // closed with the last of the sessions that are waited for
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.PingInterval, c.PingTimeout, c.UpgradeTimeout = 20*time.Millisecond, 20*time.Millisecond, 30*time.Millisecond
		c.MaxQueueMessages = 50
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			mu.Lock()
			defer mu.Unlock()
			if opened++; opened == mayhem {
				close(enough)
			}
			sessions[session] = true
			return handler{
				message: func(data []byte) {
					if string(data) == "close" {
						session.Close(engineio.ReasonForcedClose)
					}
				},
				close: func(engineio.CloseReason) {
					mu.Lock()
					defer mu.Unlock()
					closed++
					delete(sessions, session)
				},
			}
		}
	})

	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					misbehave(s)
				}
			}
		})
	}
	all.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			text := engineio.NewText(fmt.Append(nil, n))
			binary := engineio.NewBinary([]byte{byte(n)})
			mu.Lock()
			receivers := make([]*engineio.Session, 0, len(sessions))
			for session := range sessions {
				receivers = append(receivers, session)
			}
			mu.Unlock()
			for _, session := range receivers {
				_ = session.Send(text, binary)
			}
		}
	})
	<-enough
	s.Engine.Close()
	if n := s.Engine.Len(); n != 0 {
		t.Errorf("%d sessions left", n)
	}
	close(stop)
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	if opened != closed {
		t.Errorf("%d sessions were opened, %d closed", opened, closed)
	}
}

// misbehave is a short life of a client.
func misbehave(s *enginetest.Server) {
	payloads := []string{"4hello", "3", "1", "2", "abc", "4close", "bAQI=\x1e4x", "5", "2probe", ""}
	payload := func() string { return payloads[rand.IntN(len(payloads))] }

	if rand.IntN(3) == 0 {
		if socket, _ := s.TryDial(websocket); socket != nil {
			chatter(socket, payload)
		}
		return
	}
	a, err := s.Send(s.Request("GET", polling, nil))
	if err != nil || a.Status != http.StatusOK {
		return
	}
	query := "&sid=" + a.SessionID()
	var all sync.WaitGroup
	for range rand.IntN(3) {
		all.Go(func() { _, _ = s.Send(s.Request("GET", polling+query, nil)) })
	}
	for range rand.IntN(3) {
		all.Go(func() { s.Do("POST", polling+query, payload()) })
	}
	for range rand.IntN(3) {
		all.Go(func() {
			socket, _ := s.TryDial(websocket + query)
			if socket == nil {
				return
			}
			if rand.IntN(3) > 0 {
				_ = socket.WriteMessage(gorilla.TextMessage, []byte("2probe"))
				_, _, _ = socket.ReadMessage()
				_ = socket.WriteMessage(gorilla.TextMessage, []byte("5"))
			}
			chatter(socket, payload)
		})
	}
	all.Wait()
}

func chatter(socket *enginetest.Socket, payload func() string) {
	defer socket.Close()
	for range rand.IntN(5) {
		if err := socket.WriteMessage(gorilla.TextMessage, []byte(payload())); err != nil {
			return
		}
		if _, _, err := socket.ReadMessage(); err != nil {
			return
		}
	}
}
