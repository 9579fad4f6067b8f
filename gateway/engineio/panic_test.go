// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// panicky is a server whose code has a bug for some sessions, and what it tells.
type panicky struct {
	*Server
	t        *testing.T
	web      *httptest.Server
	sessions chan *Session

	mu     sync.Mutex
	places []string     // guarded by mu
	log    bytes.Buffer // guarded by mu
}

// Write is for the log.
func (p *panicky) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(line)
}

type echoing struct {
	s      *Session
	closed chan CloseReason
}

func (e echoing) OnMessage(data []byte, _ bool)         { _ = e.s.Send(NewText(data)) }
func (e echoing) OnClose(reason CloseReason, err error) { e.closed <- reason }

// startPanicky runs a server; bug breaks the session of the client with ?bug=.
func startPanicky(t *testing.T, listen func(http.Handler) *httptest.Server, bug func(*webSocket)) (*panicky, chan CloseReason) {
	t.Helper()
	p := &panicky{t: t, sessions: make(chan *Session, 10)}
	closed := make(chan CloseReason, 10)
	server, err := NewServer(Config{
		ErrorLog: slog.New(slog.NewTextHandler(p, nil)),
		OnPanic: func(place string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.places = append(p.places, place)
		},
		OnSession: func(s *Session) Handler {
			if s.Handshake().Query.Has("bug") {
				s.mu.Lock()
				bug(s.transport.(*webSocket))
				s.mu.Unlock()
			}
			p.sessions <- s
			return echoing{s, closed}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Server, p.web = server, listen(server)
	t.Cleanup(func() {
		server.Close()
		p.web.Close()
	})
	return p, closed
}

func (p *panicky) dial(query string) (*websocket.Conn, *Session) {
	p.t.Helper()
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	url := strings.Replace(p.web.URL, "http", "ws", 1) + "/engine.io/?EIO=4&transport=websocket" + query
	conn, _, err := dialer.Dial(url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	return conn, <-p.sessions
}

// want wants a message.
func (p *panicky) want(conn *websocket.Conn, text string) {
	p.t.Helper()
	for {
		_, got, err := conn.ReadMessage()
		if err != nil {
			p.t.Fatal(err)
		}
		if got[0] == byte(packet.Message) {
			if string(got) != text {
				p.t.Errorf("read %q, want %q", got, text)
			}
			return
		}
	}
}

func TestAPanicEndsOneClient(t *testing.T) {
	// A length that the check would refuse, were there no bug.
	endless := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 1<<63)
	endless = append(endless, 0, 0, 0, 0)
	for name, test := range map[string]struct {
		bug   func(*webSocket)
		boom  func(t *testing.T, conn *websocket.Conn, broken, healthy *Session)
		place string
	}{
		"while frames are read": {
			func(ws *webSocket) { ws.frames.Limit = -1 },
			func(t *testing.T, conn *websocket.Conn, _, _ *Session) {
				if _, err := conn.NetConn().Write(endless); err != nil {
					t.Fatal(err)
				}
			},
			"transport",
		},
		"while an event is written to many": {
			func(ws *webSocket) {
				ws.common = false
				ws.encode = func(m *Message) []byte {
					if bytes.Contains(m.form.Frame(), []byte("to all")) {
						panic("a bug")
					}
					return ws.frame(m)
				}
			},
			func(t *testing.T, _ *websocket.Conn, broken, healthy *Session) {
				for _, s := range []*Session{broken, healthy} {
					if err := s.SendSoon(NewText([]byte("to all"))); err != nil {
						t.Error(err)
					}
				}
			},
			"write",
		},
	} {
		for transport, listen := range map[string]func(http.Handler) *httptest.Server{
			"TCP": httptest.NewServer, "TLS": httptest.NewTLSServer,
		} {
			t.Run(name+", "+transport, func(t *testing.T) {
				p, closed := startPanicky(t, listen, test.bug)
				good, healthy := p.dial("")
				bad, broken := p.dial("&bug=")
				test.boom(t, bad, broken, healthy)
				if got := <-closed; got != ReasonTransportError {
					t.Errorf("closed by %q", got)
				}
				for {
					if _, _, err := bad.ReadMessage(); err != nil {
						break // its connection is closed
					}
				}
				if test.place == "write" {
					p.want(good, "4to all")
				}
				if err := good.WriteMessage(websocket.TextMessage, []byte("4still there")); err != nil {
					t.Fatal(err)
				}
				p.want(good, "4still there")
				p.mu.Lock()
				defer p.mu.Unlock()
				if diff := cmp.Diff([]string{test.place}, p.places); diff != "" {
					t.Error(diff)
				}
				if log := p.log.String(); !strings.Contains(log, "reader.go") && !strings.Contains(log, "panic_test.go") {
					t.Errorf("the log does not say where: %s", log)
				}
				if strings.Contains(p.log.String(), broken.ID()) {
					t.Error("the log has the session's id")
				}
			})
		}
	}
}

func TestAPanicEndsOneRequest(t *testing.T) {
	var bug atomic.Bool
	bug.Store(true)
	p, _ := startPanicky(t, httptest.NewServer, nil)
	c := *p.current.Load().config
	c.AllowRequest = func(*http.Request) error {
		if bug.Load() {
			panic("a bug")
		}
		return nil
	}
	if err := p.Reconfigure(c); err != nil {
		t.Fatal(err)
	}
	url := p.web.URL + "/engine.io/?EIO=4&transport=polling"
	if resp, err := p.web.Client().Get(url); err == nil {
		resp.Body.Close()
		t.Errorf("answered %s", resp.Status)
	}
	bug.Store(false)
	resp, err := p.web.Client().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the next one is answered %s", resp.Status)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff([]string{"request"}, p.places); diff != "" {
		t.Error(diff)
	}
}
