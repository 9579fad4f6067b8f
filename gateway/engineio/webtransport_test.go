// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

var withWebTransport = with(func(c *engineio.Config) {
	c.Transports = []string{engineio.Polling, engineio.WebSocket, engineio.WebTransport}
})

// wtClient is the client's end of a WebTransport stream, here one that runs over a pipe.
type wtClient struct {
	net.Conn
	t testing.TB
}

func dialWebTransport(t *testing.T, s *enginetest.Server) *wtClient {
	t.Helper()
	client, server := net.Pipe()
	client.SetDeadline(time.Now().Add(enginetest.Patience))
	t.Cleanup(func() { client.Close() })
	r := httptest.NewRequest(http.MethodConnect, "/engine.io/", nil)
	go s.Engine.ServeWebTransport(httptest.NewRecorder(), r, func(context.Context) (engineio.Stream, error) { return server, nil })
	return &wtClient{client, t}
}

func (c *wtClient) send(first byte, payload string) {
	c.t.Helper()
	var frame []byte
	switch n := len(payload); {
	case n < 126:
		frame = []byte{first | byte(n)}
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16([]byte{first | 126}, uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64([]byte{first | 127}, uint64(n))
	}
	if _, err := c.Write(append(frame, payload...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *wtClient) read() (isBinary bool, payload string) {
	c.t.Helper()
	var h [9]byte
	if _, err := io.ReadFull(c, h[:1]); err != nil {
		c.t.Fatal(err)
	}
	n := uint64(h[0] & 0x7f)
	if n >= 126 {
		size := map[uint64]int{126: 2, 127: 8}[n]
		if _, err := io.ReadFull(c, h[9-size:]); err != nil {
			c.t.Fatal(err)
		}
		n = binary.BigEndian.Uint64(append(make([]byte, 8-size), h[9-size:]...))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		c.t.Fatal(err)
	}
	return h[0]&0x80 != 0, string(b)
}

func (c *wtClient) want(isBinary bool, payload string) {
	c.t.Helper()
	if b, p := c.read(); b != isBinary || p != payload {
		c.t.Errorf("read %.40q, binary %t, want %.40q", p, b, payload)
	}
}

func (c *wtClient) wantEnd() {
	c.t.Helper()
	if n, err := io.Copy(io.Discard, c); err != nil || n != 0 {
		c.t.Errorf("%d bytes before the end, %v", n, err)
	}
}

// open opens a session.
func (c *wtClient) open(s *enginetest.Server) (*enginetest.Session, enginetest.Open) {
	c.t.Helper()
	c.send(0, "0")
	_, packet := c.read()
	return s.Session(), enginetest.ParseOpen(c.t, packet)
}

func TestRow34WebTransport(t *testing.T) {
	s := enginetest.Start(t, withWebTransport)
	c := dialWebTransport(t, s)
	session, open := c.open(s)
	if len(open.Upgrades) != 0 || session.Transport() != engineio.WebTransport || session.Protocol() != 4 {
		t.Errorf("open packet %+v, transport %s", open, session.Transport())
	}
	for _, size := range []int{1, 124, 125, 126, 65_534, 65_535, 70_000} { // around the ends of the forms of a length
		text := strings.Repeat("x", size)
		c.send(0, "4"+text)
		c.want(false, "4"+text)
		c.send(0x80, text)
		c.want(true, text)
	}
	c.send(0, "4ü€𝄞")
	c.want(false, "4ü€𝄞")
	c.send(0x80, "") // clients send an empty binary message so, and do not take one
	c.want(false, "b")
	session.WantOpen()
	c.Close()
	session.WantClosed(engineio.ReasonTransportClose)

	if p := s.Poll(); !cmp.Equal(p.Opened.Upgrades, []string{"websocket", "webtransport"}) {
		t.Errorf("upgrades %v", p.Opened.Upgrades)
	}
	s.Do("GET", "EIO=4&transport=webtransport", "").Want(t, http.StatusBadRequest, enginetest.UnknownTransport)
}

func TestWebTransportIsOffByDefault(t *testing.T) {
	s := enginetest.Start(t)
	w := httptest.NewRecorder()
	s.Engine.ServeWebTransport(w, httptest.NewRequest(http.MethodConnect, "/engine.io/", nil), func(context.Context) (engineio.Stream, error) {
		t.Error("accepted")
		return nil, errors.New("no stream")
	})
	enginetest.Answer{Status: w.Code, Body: w.Body.String()}.Want(t, http.StatusBadRequest, enginetest.UnknownTransport)
}

func TestWebTransportHandshakesThatAreClosed(t *testing.T) {
	for name, packet := range map[string]string{
		"another packet":    "4hello",
		"unknown session":   `0{"sid":"x"}`,
		"session __proto__": `0{"sid":"__proto__"}`,
		"no session":        `0{}`,
		"no JSON":           `0{`,
		"no packet":         "abc",
	} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t, withWebTransport)
			c := dialWebTransport(t, s)
			c.send(0, packet)
			c.wantEnd()
			s.NoSession()
		})
	}
	t.Run("nothing", func(t *testing.T) {
		s := enginetest.Start(t, withWebTransport, with(func(c *engineio.Config) { c.UpgradeTimeout = 50 * time.Millisecond }))
		dialWebTransport(t, s).wantEnd()
	})
	t.Run("refused by the application", func(t *testing.T) {
		s := enginetest.Start(t, withWebTransport, with(func(c *engineio.Config) {
			c.AllowRequest = func(*http.Request) error { return errors.New("no") }
		}))
		c := dialWebTransport(t, s)
		c.send(0, "0")
		c.wantEnd()
	})
}

func TestWebTransportFramesThatCloseTheSession(t *testing.T) {
	for name, frame := range map[string][]byte{
		"empty":           {0},
		"too large":       {127, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x41},
		"absurdly large":  bytes.Repeat([]byte{0xff}, 9),
		"no packet":       {1, 'x'},
		"text not UTF-8":  {2, '4', 0xff},
		"empty, extended": {126, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t, withWebTransport)
			c := dialWebTransport(t, s)
			session, _ := c.open(s)
			if _, err := c.Write(frame); err != nil {
				t.Fatal(err)
			}
			c.wantEnd()
			session.WantClosed(engineio.ReasonParseError)
		})
	}
}

func TestUpgradeToWebTransport(t *testing.T) {
	s := enginetest.Start(t, withWebTransport)
	p := s.Poll()
	sid, _ := json.Marshal(map[string]string{"sid": p.ID()})
	c := dialWebTransport(t, s)
	c.send(0, "0"+string(sid))
	c.send(0, "2probe")
	c.want(false, "3probe")
	p.Get().Want(t, http.StatusOK, "6")
	second := dialWebTransport(t, s)
	second.send(0, "0"+string(sid))
	second.wantEnd()
	p.Send(engineio.NewText([]byte("buffered")))
	c.send(0, "5")
	c.want(false, "4buffered")
	if p.Transport() != engineio.WebTransport {
		t.Errorf("transport %s", p.Transport())
	}
	p.Get().Want(t, http.StatusBadRequest, enginetest.BadRequest)
	c.send(0x80, "bytes")
	c.want(true, "bytes")
}

func TestCloseByWebTransport(t *testing.T) {
	s := enginetest.Start(t, withWebTransport)
	c := dialWebTransport(t, s)
	session, _ := c.open(s)
	session.Send(engineio.NewText([]byte("last words")))
	session.Close(engineio.ReasonForcedClose)
	c.want(false, "4last words")
	c.wantEnd()
	session.WantClosed(engineio.ReasonForcedClose)

	c = dialWebTransport(t, s)
	session, _ = c.open(s)
	c.send(0, "1")
	c.wantEnd()
	session.WantClosed(engineio.ReasonTransportClose)
}

func TestHeartbeatByWebTransport(t *testing.T) {
	s := enginetest.Start(t, withWebTransport, quick)
	c := dialWebTransport(t, s)
	session, _ := c.open(s)
	c.want(false, "2")
	c.send(0, "3")
	c.want(false, "2")
	c.wantEnd()
	session.WantClosed(engineio.ReasonPingTimeout)
}

// Whether a WebTransport session is for a handshake or for an upgrade only its first packet tells.
func TestAServerThatTakesNoHandshakesAcceptsNoWebTransport(t *testing.T) {
	for name, tt := range map[string]struct {
		fill    func(*engineio.Config)
		status  int
		message string
	}{
		"it is full":          {func(c *engineio.Config) { c.MaxSessions = 1 }, 503, "Too many sessions"},
		"it has no token":     {func(c *engineio.Config) { c.HandshakesPerSecond, c.HandshakeBurst = 1, 1 }, 503, "Too many handshakes"},
		"it is shutting down": {func(*engineio.Config) {}, 503, "Server is shutting down"},
		"the address is full": {func(c *engineio.Config) { c.MaxSessionsPerAddress = 1 }, 429, "Too many sessions from your address"},
		"the address has strangers": {
			func(c *engineio.Config) { c.MaxUnadmittedPerAddress = 1 }, 429, "Too many unauthenticated sessions from your address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			reasons := make(chan engineio.RefusalReason, 1)
			s := enginetest.Start(t, withWebTransport, with(tt.fill), with(func(c *engineio.Config) {
				c.OnRefused = func(r engineio.RefusedHandshake) { reasons <- r.Reason }
			}))
			s.Poll()
			if name == "it is shutting down" {
				s.Engine.Close()
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodConnect, "/engine.io/", nil)
			r.RemoteAddr = "127.0.0.1:1" // where the other client is, too
			taken := s.Engine.ServeWebTransport(w, r, func(context.Context) (engineio.Stream, error) {
				t.Error("accepted")
				return nil, errors.New("no stream")
			})
			want := `{"code":4,"message":"` + tt.message + `"}`
			enginetest.Answer{Status: w.Code, Body: w.Body.String()}.Want(t, tt.status, want)
			if taken || w.Header().Get("Retry-After") == "" || len(reasons) != 1 {
				t.Errorf("taken %t, header %v, %d refusals counted", taken, w.Header(), len(reasons))
			}
		})
	}
}
