// SPDX-License-Identifier: Apache-2.0

package service

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// guideHandlers are the guide's chat and an echo.
const guideHandlers = `
  - name: /
    handlers:
    - event: login
      do:
      - set: {username: "args[0]"}
    - event: chatMessage
      do:
      - emit:
          event: newMessage
          args: "[{'username': 'user1', 'message': args[0], 'timestamp': now}]"
    - event: sayAsUser
      do:
      - emit:
          to: socket
          event: newMessage
          args: "[{'username': socket.data.username, 'message': args[0], 'timestamp': now}]"
    - event: joinRoom
      do:
      - join: "args[0]"
    - event: echo
      do:
      - ack: "args"
    - event: ok
      do:
      - ack: "[{'ok': true}]"
    - event: sum
      do:
      - ack: "[args[0] + args[1]]"
`

const hundredBytes = "hello, all of you out there hello, all of you out there hello, all of you out there hello, all of "

// BenchmarkEvent takes an event from a poll's body through its handler, and what comes of it to the
// answer to the next poll: all that happens to an event but system calls. A request carries many,
// so that the price of requests does not count.
func BenchmarkEvent(b *testing.B) {
	for _, event := range []struct{ name, packet string }{
		{"echo", `421["echo","` + hundredBytes + `"]`},
		{"constant", `421["ok"]`},
		{"computed", `421["sum",1,2]`},
		{"unhandled", `421["unknown","` + hundredBytes + `"]`},
		{"join", `42["joinRoom","room1"]`},
		{"chatMessage", `42["chatMessage","` + hundredBytes + `"]`},
		{"sayAsUser", `42["sayAsUser","` + hundredBytes + `"]`},
	} {
		b.Run(event.name, func(b *testing.B) {
			c := newPollingClient(b, program(b, guideHandlers))
			c.post("42[\"login\",\"Ada\"]")
			const most = 500
			all := strings.Repeat(event.packet+"\x1e", most)
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; left -= most {
				n := min(left, most)
				c.post(all[:n*(len(event.packet)+1)-1])
				c.poll()
			}
		})
	}
}

// pollingClient is a client without a network: it calls the server's handler.
type pollingClient struct {
	b      testing.TB
	server http.Handler
	query  string
}

func newPollingClient(b *testing.B, p *Program) *pollingClient {
	b.Helper()
	server, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Close() })
	apply(server, p)
	return connectPolling(b, server)
}

func apply(server *socketio.Server, p *Program) {
	NewRuntime(server, Options{Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}).Apply(p)
}

func connectPolling(b testing.TB, server http.Handler) *pollingClient {
	b.Helper()
	c := &pollingClient{b: b, server: server}
	_, sid, _ := strings.Cut(c.do("GET", ""), `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	c.query = "&sid=" + sid
	c.post("40")
	c.poll()
	return c
}

func (c *pollingClient) post(packets string) { c.do("POST", packets) }

// poll fetches what waits, a few packets at a time. To know when that is all, it asks for an
// answer.
func (c *pollingClient) poll() {
	c.post(`420["fence"]`)
	for !strings.Contains(c.do("GET", ""), "430[") {
	}
}

func (c *pollingClient) do(method, body string) string {
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, httptest.NewRequest(method, path+"?EIO=4&transport=polling"+c.query, strings.NewReader(body)))
	if w.Code != http.StatusOK {
		c.b.Fatalf("%s is answered %d: %s", method, w.Code, w.Body)
	}
	return w.Body.String()
}
