// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// firstRequest is what a browser sends first.
const firstRequest = "%s /socket.io/?EIO=4&transport=polling&t=PlXa%04d%s HTTP/1.1\r\n" +
	"Host: chat.example.com\r\n" +
	"Connection: keep-alive\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"Sec-Ch-Ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n" +
	"Sec-Ch-Ua-Mobile: ?0\r\n" +
	"Sec-Ch-Ua-Platform: \"Linux\"\r\n" +
	"Accept: */*\r\n" +
	"Origin: https://chat.example.com\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Sec-Fetch-Mode: cors\r\n" +
	"Sec-Fetch-Dest: empty\r\n" +
	"Referer: https://chat.example.com/rooms\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
	"Cookie: session=%032x\r\n" +
	"X-Forwarded-For: 203.0.113.%d\r\n" +
	"Content-Length: %d\r\n\r\n%s"

// The most live heap that an idle client may take, in bytes; it takes 800 and 640.
const (
	sessionBudget = 1024 // of the engine's session, with what is kept of the handshake
	socketBudget  = 768  // of what is above it, in the main namespace and in one room
)

func TestAnIdleClientKeepsToItsBudgetOfMemory(t *testing.T) {
	const sockets = 1000
	session, socket := idleClient(t, sockets)
	if session > sessionBudget {
		t.Errorf("a session takes %.0f bytes, and should take %d at most", session, sessionBudget)
	}
	if socket > socketBudget {
		t.Errorf("a socket takes %.0f bytes, and should take %d at most", socket, socketBudget)
	}
}

// BenchmarkIdleSocket reports the live heap of a client that is in the main namespace and in one
// room, in bytes: of what is above the engine's session, and of that with what it keeps of the
// handshake.
func BenchmarkIdleSocket(b *testing.B) {
	const sockets = 4000
	for b.Loop() {
		session, socket := idleClient(b, sockets)
		b.ReportMetric(socket, "bytes/socket")
		b.ReportMetric(session, "bytes/session")
	}
}

// idleClient is the live heap of a client's session, and of its socket, in bytes, as the mean of so
// many.
func idleClient(t testing.TB, clients int) (session, socket float64) {
	t.Helper()
	engine := idleHeap(t, clients, func(c engineio.Config) (http.Handler, func()) {
		c.OnSession = func(*engineio.Session) engineio.Handler { return deaf{} }
		s, err := engineio.NewServer(c)
		if err != nil {
			t.Fatal(err)
		}
		return s, s.Close
	})
	all := idleHeap(t, clients, func(c engineio.Config) (http.Handler, func()) {
		s, err := NewServer(Options{Engine: c})
		if err != nil {
			t.Fatal(err)
		}
		s.OnConnection(func(s *Socket) { s.Join("lobby") })
		return s, func() { s.Close() }
	})
	return engine / float64(clients), (all - engine) / float64(clients)
}

type deaf struct{}

func (deaf) OnMessage([]byte, bool)              {}
func (deaf) OnClose(engineio.CloseReason, error) {}

// idleHeap is how much live heap a number of clients make on a server.
func idleHeap(t testing.TB, n int, start func(engineio.Config) (http.Handler, func())) float64 {
	t.Helper()
	server, stop := start(engineio.Config{Path: DefaultPath})
	defer stop()
	var before int64
	for i := range n + 1 {
		if i == 1 { // what the first one makes stays
			before = liveHeap()
		}
		open := request(t, server, i, "GET", "", "")
		_, sid, _ := strings.Cut(open, `"sid":"`)
		sid, _, _ = strings.Cut(sid, `"`)
		request(t, server, i, "POST", "&sid="+sid, "40")
		if _, ok := server.(*Server); ok {
			request(t, server, i, "GET", "&sid="+sid, "")
		}
	}
	after := liveHeap()
	runtime.KeepAlive(server)
	return float64(after - before)
}

// request is one of a client's, read as package net/http reads it.
func request(t testing.TB, server http.Handler, client int, method, query, body string) string {
	t.Helper()
	text := fmt.Sprintf(firstRequest, method, client, query, client, client%256, len(body), body)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = fmt.Sprintf("192.0.2.%d:%d", client%256, 10000+client%50000)
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s is answered %d: %s", method, w.Code, w.Body)
	}
	return w.Body.String()
}

func liveHeap() int64 {
	var m runtime.MemStats
	for range 2 { // the second empties what the first has left in pools
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
