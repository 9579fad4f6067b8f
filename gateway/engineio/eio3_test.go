// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

const (
	polling3   = "EIO=3&transport=polling"
	websocket3 = "EIO=3&transport=websocket"
)

var eio3 = with(func(c *engineio.Config) { c.AllowEIO3 = true })

// open3 opens a session of revision 3 by polling. It returns the session and its query.
func open3(t *testing.T, s *enginetest.Server, query string) (*enginetest.Session, string) {
	t.Helper()
	a := s.Do("GET", polling3+query, "")
	length, content, _ := strings.Cut(a.Body, ":")
	if length != strconv.Itoa(len(content)) || a.Header.Get("Content-Type") != "text/plain; charset=UTF-8" {
		t.Errorf("handshake answered %q as %s", a.Body, a.Header.Get("Content-Type"))
	}
	open := enginetest.ParseOpen(t, content)
	return s.Session(), polling3 + "&sid=" + open.SessionID
}

func TestEIO3IsOffByDefault(t *testing.T) {
	s := enginetest.Start(t)
	s.Do("GET", polling3, "").Want(t, http.StatusBadRequest, enginetest.BadVersion)
	if p := s.Poll(); p.Protocol() != 4 {
		t.Errorf("protocol %d", p.Protocol())
	}
}

func TestEIO3Polling(t *testing.T) {
	octets := []string{"Content-Type", "application/octet-stream"}
	const inBytes = "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04"
	for _, test := range []struct {
		name, query string
		header      []string
		body, want  string
		contentType string
	}{
		{"one text", "", nil, "6:4hello", "6:4hello", "text/plain; charset=UTF-8"},
		{"several texts", "", nil, "6:4test16:4test2", "6:4test16:4test2", "text/plain; charset=UTF-8"},
		{"text that is not ASCII", "", nil, "6:4€𝄞äb", "6:4€𝄞äb", "text/plain; charset=UTF-8"},
		{"base64 to a client without bytes", "&b64=1", nil, "6:4hello10:b4AQIDBA==", "6:4hello10:b4AQIDBA==", "text/plain; charset=UTF-8"},
		{"base64 to a client with bytes", "", nil, "6:4hello10:b4AQIDBA==", inBytes, "application/octet-stream"},
		{"bytes", "", octets, inBytes, inBytes, "application/octet-stream"},
		{"bytes without binary", "", octets, "\x00\x06\xff4hello", "6:4hello", "text/plain; charset=UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := enginetest.Start(t, eio3)
			session, query := open3(t, s, test.query)
			if session.Protocol() != 3 {
				t.Errorf("protocol %d", session.Protocol())
			}
			s.Do("POST", query, test.body, test.header...).Want(t, http.StatusOK, "ok")
			a := s.Do("GET", query, "")
			a.Want(t, http.StatusOK, test.want)
			if got := a.Header.Get("Content-Type"); got != test.contentType {
				t.Errorf("content type %q, want %q", got, test.contentType)
			}
		})
	}
}

func TestEIO3InvalidPayloadClosesTheSession(t *testing.T) {
	for _, body := range []string{"abc", "", "2:4hello", "1:9"} {
		s := enginetest.Start(t, eio3)
		session, query := open3(t, s, "")
		s.Do("POST", query, body).Want(t, http.StatusBadRequest, enginetest.BadRequest)
		session.WantClosed(engineio.ReasonParseError)
		s.Do("GET", query, "").Want(t, http.StatusBadRequest, enginetest.UnknownSession)
	}
}

func TestEIO3JSONP(t *testing.T) {
	s := enginetest.Start(t, eio3)
	script := func(a enginetest.Answer, index string) string {
		t.Helper()
		if got := a.Header.Get("Content-Type"); got != "text/javascript; charset=UTF-8" || a.Status != http.StatusOK {
			t.Errorf("answered %d as %q", a.Status, got)
		}
		payload, ok := strings.CutPrefix(a.Body, "___eio["+index+"](")
		payload, ok2 := strings.CutSuffix(payload, ");")
		text, err := strconv.Unquote(payload)
		if !ok || !ok2 || err != nil {
			t.Fatalf("script %s: %v", a.Body, err)
		}
		return text
	}
	_, content, _ := strings.Cut(script(s.Do("GET", polling3+"&b64=1&j=0", ""), "0"), ":")
	query := polling3 + "&b64=1&sid=" + enginetest.ParseOpen(t, content).SessionID
	const payload = "9:4a\nb\"€\\nc6:b4AQID"
	form := url.Values{"d": {strings.NewReplacer(`\n`, `\\n`, "\n", `\n`).Replace(payload)}}.Encode()
	s.Do("POST", query+"&j=1", form, "Content-Type", "application/x-www-form-urlencoded").Want(t, http.StatusOK, "ok")
	if got := script(s.Do("GET", query+"&j=1)(x", ""), "1"); got != payload {
		t.Errorf("payload %q, want %q", got, payload)
	}
	if got := s.Session().Message().Data; got != "a\nb\"€\\nc" {
		t.Errorf("received %q", got)
	}
}

func TestJSONPIsNotForEIO4(t *testing.T) {
	s := enginetest.Start(t, eio3)
	enginetest.ParseOpen(t, s.Do("GET", polling+"&j=0", "").Body)
}

func TestEIO3WebSocket(t *testing.T) {
	s := enginetest.Start(t, eio3)
	socket := s.Dial(websocket3)
	if open := enginetest.ParseOpen(t, socket.ReadText()); len(open.Upgrades) != 0 {
		t.Errorf("upgrades %v", open.Upgrades)
	}
	socket.Write("4hello")
	if got := socket.ReadText(); got != "4hello" {
		t.Errorf("read %q", got)
	}
	for _, sent := range []func(){func() { socket.WriteBinary("\x04\x01\x02") }, func() { socket.Write("b4AQI=") }} {
		sent()
		if got := socket.ReadBinary(); got != "\x04\x01\x02" {
			t.Errorf("read %q", got)
		}
	}
	for name, sent := range map[string]func(*enginetest.Socket){
		"text":                      func(s *enginetest.Socket) { s.Write("abc") },
		"binary that is no message": func(s *enginetest.Socket) { s.WriteBinary("\x02") },
		"nothing":                   func(s *enginetest.Socket) { s.WriteBinary("") },
	} {
		s := enginetest.Start(t, eio3)
		socket := s.Dial(websocket3)
		enginetest.ParseOpen(t, socket.ReadText())
		sent(socket)
		socket.WantClosed(1005)
		if closed := s.Session().WantClosed(engineio.ReasonParseError); closed.Err == nil {
			t.Errorf("%s: closed without an error", name)
		}
	}
}

func TestWebSocketOfAClientWithoutBytes(t *testing.T) {
	s := enginetest.Start(t, eio3)
	for query, want := range map[string]string{websocket: "bAQI=", websocket3: "b4AQI="} {
		socket := s.Dial(query + "&b64=1")
		enginetest.ParseOpen(t, socket.ReadText())
		socket.Write(want)
		if got := socket.ReadText(); got != want {
			t.Errorf("%s: read %q, want %q", query, got, want)
		}
	}
}

func TestEIO3Upgrade(t *testing.T) {
	s := enginetest.Start(t, eio3)
	session, query := open3(t, s, "")
	if socket, a := s.TryDial(websocket + "&sid=" + session.ID()); socket != nil || a.Status != http.StatusBadRequest {
		t.Errorf("upgrade by revision 4 answered %d", a.Status)
	}
	socket := s.Dial(websocket3 + "&sid=" + session.ID())
	socket.Write("2probe")
	if got := socket.ReadText(); got != "3probe" {
		t.Errorf("read %q", got)
	}
	s.Do("GET", query, "").Want(t, http.StatusOK, "1:6")
	socket.Write("5")
	socket.WriteBinary("\x04hello")
	if got := socket.ReadBinary(); got != "\x04hello" {
		t.Errorf("read %q", got)
	}
	s.Do("GET", query, "").Want(t, http.StatusBadRequest, enginetest.BadRequest)
}

func TestEIO3Close(t *testing.T) {
	s := enginetest.Start(t, eio3)
	session, query := open3(t, s, "")
	s.Do("POST", query, "1:1").Want(t, http.StatusOK, "ok")
	session.WantClosed(engineio.ReasonTransportClose)

	session, query = open3(t, s, "")
	session.Close(engineio.ReasonForcedClose)
	s.Do("GET", query, "").Want(t, http.StatusOK, "1:1")
}

func TestEIO3Heartbeat(t *testing.T) {
	t.Run("pings are answered, and put the end off", func(t *testing.T) {
		enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
			session, query := open3(t, s, "")
			socket := s.Dial(websocket3)
			enginetest.ParseOpen(t, socket.ReadText())
			for range 3 {
				time.Sleep(interval + timeout - late)
				socket.Write("2")
				if got := socket.ReadText(); got != "3" {
					t.Fatalf("read %q", got)
				}
				s.Do("POST", query, "1:2").Want(t, http.StatusOK, "ok")
				s.Do("GET", query, "").Want(t, http.StatusOK, "1:3")
			}
			session.WantOpen()
			s.Session().WantOpen()
		}, eio3, quick)
	})
	t.Run("nothing else does", func(t *testing.T) {
		enginetest.InBubble(t, func(t *testing.T, s *enginetest.Server) {
			begun := time.Now()
			session, query := open3(t, s, "")
			time.Sleep(interval)
			s.Do("POST", query, "6:4hello").Want(t, http.StatusOK, "ok")
			s.Do("GET", query, "").Want(t, http.StatusOK, "6:4hello")
			session.WantClosed(engineio.ReasonPingTimeout)
			between(t, "closed", begun, interval+timeout)
			s.Do("POST", query, "1:2").Want(t, http.StatusBadRequest, enginetest.UnknownSession)
		}, eio3, quick)
	})
	t.Run("a pong from the client closes", func(t *testing.T) {
		s := enginetest.Start(t, eio3)
		session, query := open3(t, s, "")
		s.Do("POST", query, "1:3").Want(t, http.StatusOK, "ok")
		session.WantClosed(engineio.ReasonTransportError)
	})
	t.Run("pings without end are a slow consumer's", func(t *testing.T) {
		s := enginetest.Start(t, eio3, with(func(c *engineio.Config) { c.MaxQueueMessages = 10 }))
		session, query := open3(t, s, "")
		s.Do("POST", query, strings.Repeat("1:2", 11))
		session.WantClosed(engineio.ReasonSlowConsumer)
	})
}

func TestEIO3ClientThatPingsButDoesNotReadIsClosed(t *testing.T) {
	s := enginetest.Start(t, eio3, with(func(c *engineio.Config) {
		c.PingInterval, c.PingTimeout = interval, 4*time.Second // the pings are not to be late on a busy machine
		c.MaxQueueBytes = 1 << 30
	}))
	raw := s.Connect()
	raw.Write(upgradeRequest(websocket3))
	raw.Answer()
	session := s.Session()
	session.Send(engineio.NewBinary(make([]byte, 16<<20))) // more than the kernel's buffers take
	ping := clientFrame(0x81, []byte("2"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticks := time.NewTicker(interval / 3)
		defer ticks.Stop()
		for range ticks.C {
			if _, err := raw.Conn.Write(ping); err != nil {
				return
			}
		}
	}()
	session.WantClosed(engineio.ReasonTransportClose)
	raw.Close()
	<-done
}
