// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestCloseByPolling(t *testing.T) {
	t.Run("while a poll waits", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		answer := p.StartGet()
		p.Close(engineio.ReasonForcedClose)
		p.Answer(answer).Want(t, http.StatusOK, "1")
		p.WantClosed(engineio.ReasonForcedClose)
		p.WantGone()
	})
	t.Run("before the poll", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		p.Close(engineio.ReasonForcedClose)
		p.WantClosed(engineio.ReasonForcedClose) // without waiting for the client
		p.Get().Want(t, http.StatusOK, "1")
		p.WantGone()
	})
	t.Run("what was sent before is delivered", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		p.Send(engineio.NewText([]byte("a")), engineio.NewBinary([]byte{1}))
		p.Close(engineio.ReasonForcedClose)
		p.Get().Want(t, http.StatusOK, "4a\x1ebAQ==")
		p.Get().Want(t, http.StatusOK, "1") // alone: see polling.stop
		p.WantGone()
	})
	t.Run("posts are not read any more", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		p.Close(engineio.ReasonForcedClose)
		p.Post("4hello").Want(t, http.StatusOK, "ok")
		p.Get().Want(t, http.StatusOK, "1")
	})
}

func TestCloseByWebSocket(t *testing.T) {
	t.Run("what was sent before is delivered", func(t *testing.T) {
		socket, session, _ := enginetest.Start(t).WebSocket()
		big := strings.Repeat("x", 3<<20) // more than the kernel takes at once
		session.Send(engineio.NewText([]byte(big)), engineio.NewBinary([]byte{1}))
		session.Close(engineio.ReasonForcedClose)
		session.WantClosed(engineio.ReasonForcedClose)
		if got := socket.ReadText(); got != "4"+big {
			t.Errorf("read %d bytes", len(got))
		}
		if got := socket.ReadBinary(); got != "\x01" {
			t.Errorf("read % x", got)
		}
		socket.WantClosed(1005)
	})
	t.Run("messages are not read any more", func(t *testing.T) {
		s := enginetest.Start(t)
		socket, session, _ := s.WebSocket()
		session.Close(engineio.ReasonForcedClose)
		socket.Write("4hello")
		socket.WantClosed(1005)
		enginetest.Eventually(t, "the session to be forgotten", func() bool { return s.Engine.Len() == 0 })
	})
}

func TestClosedSession(t *testing.T) {
	s := enginetest.Start(t)
	socket, session, _ := s.WebSocket()
	session.Close(engineio.ReasonForcedClose)
	session.Close(engineio.ReasonServerShuttingDown)
	socket.WantClosed(1005)
	if err := session.Send(engineio.NewText(nil)); !errors.Is(err, engineio.ErrClosed) {
		t.Errorf("send after close: %v", err)
	}
	session.WantClosed(engineio.ReasonForcedClose)
	enginetest.Eventually(t, "the session to be forgotten", func() bool { return s.Engine.Len() == 0 })
	session.WantOpen() // there is no second OnClose
}

// handler is a Handler of functions.
type handler struct {
	message func(data []byte)
	close   func(engineio.CloseReason)
}

func (h handler) OnMessage(data []byte, _ bool)                { h.message(data) }
func (h handler) OnClose(reason engineio.CloseReason, _ error) { h.close(reason) }

func TestHandlerMayCloseItsSession(t *testing.T) {
	order := make(chan string, 10)
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			return handler{
				message: func(data []byte) {
					session.Send(engineio.NewText([]byte("bye")))
					session.Close(engineio.ReasonForcedClose)
					order <- "message " + string(data)
				},
				close: func(reason engineio.CloseReason) { order <- "close " + string(reason) },
			}
		}
	}))
	socket := s.Dial(websocket)
	socket.ReadText()
	socket.Write("4one")
	if got := socket.ReadText(); got != "4bye" {
		t.Errorf("read %q", got)
	}
	socket.WantClosed(1005)
	for _, want := range []string{"message one", "close forced close"} {
		select {
		case got := <-order:
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		case <-time.After(enginetest.Patience):
			t.Fatalf("waited for %q", want)
		}
	}
}

func TestCloseWithinOnSession(t *testing.T) {
	closed := make(chan engineio.CloseReason, 10)
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			session.Close(engineio.ReasonForcedClose)
			return handler{close: func(reason engineio.CloseReason) { closed <- reason }}
		}
	}))
	a := s.Do("GET", polling, "")
	open := enginetest.ParseOpen(t, a.Body)
	s.Do("GET", polling+"&sid="+open.SessionID, "").Want(t, http.StatusOK, "1")
	socket := s.Dial(websocket)
	socket.ReadText()
	socket.WantClosed(1005)
	for range 2 {
		if got := <-closed; got != engineio.ReasonForcedClose {
			t.Errorf("closed by %q", got)
		}
	}
}

func TestPanicEndsOnlyItsSession(t *testing.T) {
	var log bytes.Buffer
	closed := make(chan engineio.CloseReason, 10)
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.ErrorLog = slog.New(slog.NewTextHandler(&log, nil))
		onSession := c.OnSession
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			switch session.Handshake().Query.Get("panic") {
			case "message":
				return handler{
					message: func([]byte) { panic("a bug") },
					close:   func(reason engineio.CloseReason) { closed <- reason },
				}
			case "session":
				panic("a bug")
			}
			return onSession(session)
		}
	})
	healthy, _, _ := s.WebSocket()

	socket := s.Dial(websocket + "&panic=message")
	socket.ReadText()
	socket.Write("4boom")
	socket.WantClosed(1005)
	if got := <-closed; got != engineio.ReasonTransportError {
		t.Errorf("closed by %q", got)
	}

	socket = s.Dial(websocket + "&panic=session")
	socket.WantClosed(1005)
	if a := s.Do("GET", polling+"&panic=session", ""); a.Status != http.StatusBadRequest {
		t.Errorf("handshake answered %d %q", a.Status, a.Body)
	}
	wantEcho(t, healthy)
	enginetest.Eventually(t, "the others to be forgotten", func() bool { return s.Engine.Len() == 1 })
	s.Engine.Close()
	if got := strings.Count(log.String(), "a bug"); got < 3 {
		t.Errorf("%d panics were logged", got)
	}
}

func TestServerClose(t *testing.T) {
	s := enginetest.Start(t)
	waiting, idle, probing := s.Poll(), s.Poll(), s.Poll()
	answer := waiting.StartGet()
	idle.Send(engineio.NewText([]byte("never fetched")))
	probe := probed(t, s, probing)
	socket, session, _ := s.WebSocket()
	gone := s.Connect()
	gone.Write(upgradeRequest(websocket))
	gone.Answer()
	goneSession := s.Session()
	posting := s.Poll()
	post := s.Connect()
	post.Write("POST /engine.io/?" + posting.Query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")
	post.Answer()
	lingering := s.Poll()
	lingering.Close(engineio.ReasonForcedClose)

	closing := make(chan struct{})
	go func() {
		defer close(closing)
		s.Engine.Close()
	}()
	waiting.Answer(answer).Want(t, http.StatusOK, "1")
	socket.WantClosed(1005)
	probe.WantClosed(1005)
	post.WantEnd()
	select {
	case <-closing:
	case <-time.After(enginetest.Patience):
		t.Fatal("Close does not return")
	}

	for _, session := range []*enginetest.Session{waiting.Session, idle.Session, probing.Session, session, goneSession, posting.Session} {
		session.WantClosed(engineio.ReasonServerShuttingDown)
	}
	lingering.WantClosed(engineio.ReasonForcedClose)
	if n := s.Engine.Len(); n != 0 {
		t.Errorf("%d sessions left", n)
	}
	idle.WantGone()
	if a := s.Do("GET", polling, ""); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("handshake answered %d with headers %v", a.Status, a.Header)
	}
	s.Engine.Close() // is harmless
}

func TestSlowConsumer(t *testing.T) {
	limits := with(func(c *engineio.Config) { c.MaxQueueBytes, c.MaxQueueMessages = 10_000, 5 })
	text := func(n int) *engineio.Message { return engineio.NewText(bytes.Repeat([]byte("x"), n)) }

	t.Run("messages without a poll", func(t *testing.T) {
		s := enginetest.Start(t, limits)
		p, other := s.Poll(), s.Poll()
		for range 5 {
			if err := p.Send(text(1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Send(text(1)); !errors.Is(err, engineio.ErrSlowConsumer) {
			t.Errorf("sent one too many: %v", err)
		}
		p.WantClosed(engineio.ReasonSlowConsumer)
		p.WantGone()
		other.WantAlive()
	})
	t.Run("bytes without a poll", func(t *testing.T) {
		p := enginetest.Start(t, limits).Poll()
		for range 2 {
			if err := p.Send(text(9_000)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Send(text(1)); !errors.Is(err, engineio.ErrSlowConsumer) {
			t.Errorf("sent too much: %v", err)
		}
		p.WantClosed(engineio.ReasonSlowConsumer)
	})
	t.Run("message beyond the limit goes to a client that keeps up", func(t *testing.T) {
		p := enginetest.Start(t, limits).Poll()
		if err := p.Send(text(20_000)); err != nil {
			t.Fatal(err)
		}
		if a := p.Get(); len(a.Body) != 20_001 {
			t.Errorf("got %d bytes", len(a.Body))
		}
		if err := p.Send(text(20_000)); err != nil {
			t.Error(err)
		}
	})
	t.Run("websocket that is not read", func(t *testing.T) {
		s := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueBytes = 1 << 20 }))
		socket, session, _ := s.WebSocket()
		healthy, _, _ := s.WebSocket()
		message := text(100_000)
		var err error
		for range 1000 { // the kernel takes some megabytes
			begun := time.Now()
			if err = session.Send(message); err != nil {
				break
			}
			if took := time.Since(begun); took > enginetest.Patience/2 {
				t.Fatalf("Send blocked for %s", took)
			}
		}
		if !errors.Is(err, engineio.ErrSlowConsumer) {
			t.Errorf("sent 100 MB: %v", err)
		}
		session.WantClosed(engineio.ReasonSlowConsumer)
		enginetest.Eventually(t, "the session to be forgotten", func() bool { return s.Engine.Len() == 1 })
		wantEcho(t, healthy)
		socket.NetConn().SetReadDeadline(time.Now().Add(enginetest.Patience))
		if _, err := io.Copy(io.Discard, socket.NetConn()); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error("connection was not closed")
		}
	})
}

func TestClientThatAnswersPingsButDoesNotReadIsClosed(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.PingInterval, c.PingTimeout = interval, enginetest.Patience // no pong is to be late on a busy machine
	}))
	socket, session, _ := s.WebSocket()
	session.Send(engineio.NewBinary(make([]byte, 16<<20))) // more than the kernel takes
	stop := make(chan struct{})
	pongs := make(chan struct{})
	go func() {
		defer close(pongs)
		for {
			select {
			case <-stop:
				return
			case <-time.After(timeout / 4):
				socket.WriteMessage(1, []byte("3"))
			}
		}
	}()
	session.WantClosed(engineio.ReasonTransportClose)
	close(stop)
	<-pongs
}
