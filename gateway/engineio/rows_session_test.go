// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// startPost begins a POST whose body does not come.
func startPost(s *enginetest.Server, p *enginetest.Poller) *enginetest.Raw {
	raw := s.Connect()
	raw.Write("POST /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if a := raw.Answer(); a.Status == http.StatusContinue { // the server reads the body now
		raw.Write("4")
	}
	return raw
}

func TestRow19DataRequestErrors(t *testing.T) {
	t.Run("two at once", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		startPost(s, p)
		p.Post("4a").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		p.WantClosed(engineio.ReasonTransportError)
	})
	t.Run("octet-stream", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		s.Do("POST", p.Query, "4a", "Content-Type", "application/octet-stream").Want(t, http.StatusBadRequest, enginetest.BadRequest)
		p.WantClosed(engineio.ReasonTransportError)
	})
	t.Run("aborted", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		startPost(s, p).Close()
		p.WantClosed(engineio.ReasonTransportError)
	})
}

func TestRow20PollOverlapAndAbort(t *testing.T) {
	p := enginetest.Start(t).Poll()
	first := p.StartGet()
	p.Get().Want(t, http.StatusBadRequest, enginetest.BadRequest)
	p.Answer(first).Want(t, http.StatusOK, "1")
	p.WantClosed(engineio.ReasonTransportError)
	p.WantGone()

	s := enginetest.Start(t)
	p = s.Poll()
	raw := s.Connect()
	raw.Write("GET /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\n\r\n")
	enginetest.Eventually(t, "the poll to arrive", p.Writable)
	raw.Close()
	p.WantClosed(engineio.ReasonTransportError)
}

func TestRow21PayloadLimit(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxPayload = 10 }))
	p := s.Poll()
	p.Post("4123456789").Want(t, http.StatusOK, "ok")
	p.Post("4123456789a").Want(t, http.StatusRequestEntityTooLarge, "")
	p.Get().Want(t, http.StatusOK, "4123456789")
	p.WantOpen()

	socket, session, _ := s.WebSocket()
	socket.Write("4123456789")
	if got := socket.ReadText(); got != "4123456789" {
		t.Errorf("read %q", got)
	}
	socket.Write("4123456789a")
	socket.WantClosed(1009)
	session.WantClosed(engineio.ReasonTransportError)
}

func TestRow22ChunkedBodies(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	text := "4" + strings.Repeat("ö€𝄞", 500)
	for _, size := range []int{1, 5, 1000} { // of the pieces that it comes in
		r, w := io.Pipe()
		go func() {
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				io.WriteString(w, rest[:n])
				rest = rest[n:]
			}
			w.Close()
		}()
		a, err := s.Send(s.Request("POST", p.Query, r))
		if err != nil {
			t.Fatal(err)
		}
		a.Want(t, http.StatusOK, "ok")
		p.Get().Want(t, http.StatusOK, text)
	}
}

func TestRow23ConnectionClose(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	for range 3 {
		s.Do("POST", p.Query, "4a", "Connection", "close").Want(t, http.StatusOK, "ok")
		s.Do("GET", p.Query, "", "Connection", "close").Want(t, http.StatusOK, "4a")
	}
	p.WantOpen()
}

func TestRow24InvalidPacket(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	p.Post("abc").Want(t, http.StatusBadRequest, enginetest.BadRequest) // the reference says 200 and closes all the same
	p.WantClosed(engineio.ReasonParseError)
	p.WantGone()

	socket, session, _ := s.WebSocket()
	socket.Write("abc")
	socket.WantClosed(1005)
	session.WantClosed(engineio.ReasonParseError)
}

func TestRow25Heartbeat(t *testing.T) {
	begun := time.Now()
	s := enginetest.Start(t, quick)
	p := s.Poll()
	p.Get().Want(t, http.StatusOK, "2")
	atLeast(t, "ping", begun, interval)
	p.Post("4busy").Want(t, http.StatusOK, "ok") // puts the deadline off, once
	p.Get().Want(t, http.StatusOK, "4busy")
	p.WantClosed(engineio.ReasonPingTimeout) // with no poll outstanding
	atLeast(t, "closed", begun, interval+timeout)
}

func TestRow26PingFromTheClient(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	p.Post("2").Want(t, http.StatusOK, "ok")
	p.WantClosed(engineio.ReasonTransportError)
	socket, session, _ := s.WebSocket()
	socket.Write("2")
	session.WantClosed(engineio.ReasonTransportError)
}

func TestRow27Upgrade(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	poll := p.StartGet()
	socket := dialProbe(s, p)
	socket.Write("2probe")
	if got := socket.ReadText(); got != "3probe" {
		t.Errorf("probe answered %q", got)
	}
	p.Answer(poll).Want(t, http.StatusOK, "6")
	p.Send(engineio.NewText([]byte("buffered")))
	socket.Write("5")
	if got := socket.ReadText(); got != "4buffered" {
		t.Errorf("read %q", got)
	}
	p.Get().Want(t, http.StatusBadRequest, enginetest.BadRequest)
	p.Post("4a").Want(t, http.StatusBadRequest, enginetest.BadRequest)
	wantEcho(t, socket)
}

func TestRow28UpgradeMisuse(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) { c.UpgradeTimeout = 100 * time.Millisecond }))
	p := s.Poll()
	socket := dialProbe(s, p)
	socket.Write("4not a probe")
	socket.WantClosed(1005)
	dialProbe(s, p).WantClosed(1005) // by the timeout
	first := probed(t, s, p)
	dialProbe(s, p).WantClosed(1005) // a second one
	first.Close()
	p.WantAlive()

	p = s.Poll()
	socket = upgraded(t, s, p)
	dialProbe(s, p).WantClosed(1005)
	wantEcho(t, socket)

	p = s.Poll()
	socket = probed(t, s, p)
	p.Post("1").Want(t, http.StatusOK, "ok")
	socket.WantClosed(1005)
}

func TestRow29HostileHandshakeBytes(t *testing.T) {
	s := enginetest.Start(t)
	raw := s.Connect()
	raw.Write(upgradeRequest(websocket) + "\xff\xff\xff test test garbage")
	raw.WantEnd()
	raw = s.Connect()
	raw.Write(upgradeRequest("EIO=4&transport=asd") + "test")
	raw.WantEnd()
	s.Session().WantClosed(engineio.ReasonTransportError)
	s.Poll().WantAlive()
}

func TestRow30CloseSemantics(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	poll := p.StartGet()
	p.Close(engineio.ReasonForcedClose)
	p.Answer(poll).Want(t, http.StatusOK, "1")
	p.WantClosed(engineio.ReasonForcedClose)
	p.WantGone()

	p = s.Poll()
	p.Send(engineio.NewText([]byte("last words")))
	p.Close(engineio.ReasonForcedClose)
	p.Get().Want(t, http.StatusOK, "4last words")
	p.Get().Want(t, http.StatusOK, "1")

	p = s.Poll()
	p.Post("1").Want(t, http.StatusOK, "ok")
	p.WantClosed(engineio.ReasonTransportClose)

	p = s.Poll()
	poll = p.StartGet()
	s.Engine.Close()
	p.Answer(poll).Want(t, http.StatusOK, "1")
	p.WantClosed(engineio.ReasonServerShuttingDown)
}

func TestRow31Binary(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	p.Post("4a\x1ebAAEC\x1e4b").Want(t, http.StatusOK, "ok")
	p.Get().Want(t, http.StatusOK, "4a\x1ebAAEC\x1e4b")
	want := []enginetest.Message{{Data: "a"}, {Data: "\x00\x01\x02", Binary: true}, {Data: "b"}}
	if diff := cmp.Diff(want, []enginetest.Message{p.Message(), p.Message(), p.Message()}); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	socket, _, _ := s.WebSocket()
	socket.WriteBinary("\x00\x01\x02")
	if got := socket.ReadBinary(); got != "\x00\x01\x02" {
		t.Errorf("read %q", got)
	}
}

func TestRow32Order(t *testing.T) {
	s := enginetest.Start(t)
	socket, session, _ := s.WebSocket()
	p := s.Poll()
	var want []string
	for i := range 100 {
		m := engineio.NewText([]byte(fmt.Sprint(i)))
		session.Send(m)
		p.Send(m)
		want = append(want, fmt.Sprintf("4%d", i))
	}
	for _, packet := range want {
		if got := socket.ReadText(); got != packet {
			t.Fatalf("read %q, want %q", got, packet)
		}
	}
	for part := range slices.Chunk(want, 16) {
		p.Get().Want(t, http.StatusOK, strings.Join(part, "\x1e"))
	}
}

func TestRow33Middlewares(t *testing.T) {
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.Middlewares = []engineio.Middleware{mark("1"), engineio.CheckFunc(func(_ http.ResponseWriter, r *http.Request) error {
			if r.URL.Query().Has("fail") {
				return errors.New("no")
			}
			return nil
		})}
	}))
	if a := s.Do("GET", polling, ""); a.Status != http.StatusOK || a.Header.Get("X-Mark") != "1" {
		t.Errorf("polling answered %d %v", a.Status, a.Header)
	}
	if _, a := s.TryDial(websocket); a.Status != http.StatusSwitchingProtocols || a.Header.Get("X-Mark") != "1" {
		t.Errorf("websocket answered %d %v", a.Status, a.Header)
	}
	wantRefusal(t, s, "GET", polling+"&fail", enginetest.BadRequest)
	wantRefusedSocket(t, s, websocket+"&fail", http.StatusBadRequest, "Bad request")
}

func TestRow35EIO3(t *testing.T) {
	s := enginetest.Start(t, eio3)
	session, query := open3(t, s, "&b64=1")
	if session.Protocol() != 3 {
		t.Errorf("protocol %d", session.Protocol())
	}
	s.Do("POST", query, "6:4€llo!10:b4AQIDBA==1:2").Want(t, http.StatusOK, "ok")
	s.Do("GET", query, "").Want(t, http.StatusOK, "6:4€llo!10:b4AQIDBA==1:3")
	if a := s.Do("GET", polling3+"&j=3", ""); !strings.HasPrefix(a.Body, `___eio[3]("`) || !strings.HasSuffix(a.Body, `");`) {
		t.Errorf("JSONP answered %s", a.Body)
	}
	s.Session()
	socket := s.Dial(websocket3)
	enginetest.ParseOpen(t, socket.ReadText())
	socket.WriteBinary("\x04\x01\x02")
	if got := socket.ReadBinary(); got != "\x04\x01\x02" {
		t.Errorf("read %q", got)
	}
}
