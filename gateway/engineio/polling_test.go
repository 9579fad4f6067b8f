// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestPollingCarriesPackets(t *testing.T) {
	for name, payload := range map[string]string{
		"one text":            "4hello",
		"several texts":       "4test1\x1e4test2\x1e4test3",
		"text and binary":     "4hello\x1ebAQIDBA==",
		"mixed order":         "4a\x1ebAQ==\x1e4b\x1ebAg==\x1ebAw==\x1e4c",
		"empty text":          "4",
		"empty binary":        "b",
		"multi-byte text":     "4€ 𝄞 ぐ",
		"all kinds of binary": "bAP8QgH8=",
	} {
		t.Run(name, func(t *testing.T) {
			p := enginetest.Start(t).Poll()
			p.Post(payload).Want(t, http.StatusOK, "ok")
			p.Get().Want(t, http.StatusOK, payload)
			p.WantOpen()
		})
	}
}

func TestPollingKeepsKinds(t *testing.T) {
	p := enginetest.Start(t).Poll()
	p.Post("4text\x1ebAAE=")
	got := []enginetest.Message{p.Message(), p.Message()}
	want := []enginetest.Message{{Data: "text"}, {Data: "\x00\x01", Binary: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestPollWaitsForAMessage(t *testing.T) {
	p := enginetest.Start(t).Poll()
	for i := range 3 {
		answer := p.StartGet()
		text := fmt.Sprint("message ", i)
		p.Send(engineio.NewText([]byte(text)))
		p.Answer(answer).Want(t, http.StatusOK, "4"+text)
	}
}

func TestTimeoutsOfTheWebServerSparePolls(t *testing.T) {
	const short = 50 * time.Millisecond
	p := enginetest.StartOn(t, func(h http.Handler) *httptest.Server {
		web := httptest.NewUnstartedServer(h)
		web.Config.ReadTimeout, web.Config.WriteTimeout, web.Config.IdleTimeout = short, short, time.Minute
		web.Start()
		return web
	}, func(c *engineio.Config) { c.PingInterval = 4 * short }).Poll()
	p.Get().Want(t, http.StatusOK, "2") // comes long after the timeouts
	p.WantAlive()
}

func TestPollingHeaders(t *testing.T) {
	s := enginetest.Start(t)
	handshake := s.Do("GET", polling, "")
	id := "&sid=" + s.Session().ID()
	post := s.Do("POST", polling+id, "4hello")
	poll := s.Do("GET", polling+id, "")
	for _, test := range []struct {
		name        string
		answer      enginetest.Answer
		contentType string
	}{
		{"handshake", handshake, "text/plain; charset=UTF-8"},
		{"post", post, "text/html"},
		{"poll", poll, "text/plain; charset=UTF-8"},
	} {
		h := test.answer.Header
		got := []string{h.Get("Content-Type"), h.Get("Cache-Control"), h.Get("Content-Length"), h.Get("X-XSS-Protection")}
		want := []string{test.contentType, "no-store", fmt.Sprint(len(test.answer.Body)), ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestInternetExplorerIsCalmed(t *testing.T) {
	s := enginetest.Start(t)
	for _, agent := range []string{
		"Mozilla/5.0 (compatible;MSIE 9.0; Windows NT 6.1)",
		"Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko",
	} {
		a := s.Do("GET", polling, "", "User-Agent", agent)
		id := "&sid=" + s.Session().ID()
		b := s.Do("POST", polling+id, "4hello", "User-Agent", agent)
		if a.Header.Get("X-XSS-Protection") != "0" || b.Header.Get("X-XSS-Protection") != "0" {
			t.Errorf("%s: headers %v, %v", agent, a.Header, b.Header)
		}
	}
}

func TestInvalidPayloadClosesTheSession(t *testing.T) {
	for name, payload := range map[string]string{
		"unknown packet type":       "abc",
		"empty payload":             "",
		"empty packet at the end":   "4hello\x1e",
		"empty packet in between":   "4a\x1e\x1e4b",
		"binary that is not base64": "b!!!!",
		"text that is not UTF-8":    "4\xff",
		"packet type out of range":  "7",
	} {
		t.Run(name, func(t *testing.T) {
			p := enginetest.Start(t).Poll()
			p.Post(payload).Want(t, http.StatusBadRequest, enginetest.BadRequest)
			if closed := p.WantClosed(engineio.ReasonParseError); closed.Err == nil {
				t.Error("no error says what was wrong")
			}
			p.WantGone()
		})
	}
}

func TestPacketsBeforeAnInvalidOneCount(t *testing.T) {
	p := enginetest.Start(t).Poll()
	p.Post("4good\x1ex\x1e4never")
	if got := p.Message().Data; got != "good" {
		t.Errorf("message %q", got)
	}
	p.WantClosed(engineio.ReasonParseError)
}

func TestInvalidPayloadEndsTheWaitingPoll(t *testing.T) {
	p := enginetest.Start(t).Poll()
	answer := p.StartGet()
	p.Post("abc")
	p.Answer(answer).Want(t, http.StatusOK, "1")
}

func TestPacketsWithoutMeaningAreIgnored(t *testing.T) {
	p := enginetest.Start(t).Poll()
	p.Post("0\x1e5\x1e6\x1e3\x1e3probe").Want(t, http.StatusOK, "ok")
	p.WantAlive()
}

func TestPingFromTheClientClosesTheSession(t *testing.T) {
	p := enginetest.Start(t).Poll()
	p.Post("2")
	p.WantClosed(engineio.ReasonTransportError)
	p.WantGone()
}

func TestTwoPollsAtOnceCloseTheSession(t *testing.T) {
	p := enginetest.Start(t).Poll()
	first := p.StartGet()
	p.Get().Want(t, http.StatusBadRequest, enginetest.BadRequest)
	p.Answer(first).Want(t, http.StatusOK, "1")
	p.WantClosed(engineio.ReasonTransportError)
	p.WantGone()
}

func TestAbortedPollClosesTheSession(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	raw := s.Connect()
	raw.Write("GET /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\n\r\n")
	enginetest.Eventually(t, "the poll to arrive", p.Writable)
	raw.Close()
	p.WantClosed(engineio.ReasonTransportError)
	p.WantGone()
}

func TestPollRightAfterAnAbortedOneIsRefused(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	ctx, abort := context.WithCancel(t.Context())
	r := s.Request("GET", p.Query, nil).WithContext(ctx)
	aborted := make(chan error, 1)
	go func() {
		_, err := s.Send(r)
		aborted <- err
	}()
	enginetest.Eventually(t, "the poll to arrive", p.Writable)
	abort()
	<-aborted
	if a := p.Get(); a.Status != http.StatusBadRequest {
		t.Errorf("answered %d %q", a.Status, a.Body)
	}
	p.WantClosed(engineio.ReasonTransportError)
}

func TestTwoPostsAtOnceCloseTheSession(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	raw := s.Connect()
	raw.Write("POST /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")
	if a := raw.Answer(); a.Status != http.StatusContinue { // the server has begun to read
		t.Fatalf("answered %d", a.Status)
	}
	p.Post("4second").Want(t, http.StatusBadRequest, enginetest.BadRequest)
	p.WantClosed(engineio.ReasonTransportError)
	if a := raw.Answer(); a.Status != http.StatusBadRequest { // its reading was interrupted
		t.Errorf("first post answered %d", a.Status)
	}
	p.WantGone()
}

func TestOctetStreamClosesTheSession(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	s.Do("POST", p.Query, "4hello", "Content-Type", "application/octet-stream").
		Want(t, http.StatusBadRequest, enginetest.BadRequest)
	p.WantClosed(engineio.ReasonTransportError)
	p.WantGone()
}

func TestAbortedPostClosesTheSession(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	raw := s.Connect()
	raw.Write("POST /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4half of it")
	raw.Close()
	p.WantClosed(engineio.ReasonTransportError)
	p.WantGone()
}

func TestPostLimit(t *testing.T) {
	const limit = 20_000
	limited := with(func(c *engineio.Config) { c.MaxPayload = limit })
	packet := func(n int) string { return "4" + strings.Repeat("x", n-1) }

	t.Run("exactly the limit is taken", func(t *testing.T) {
		p := enginetest.Start(t, limited).Poll()
		p.Post(packet(limit)).Want(t, http.StatusOK, "ok")
		p.Get().Want(t, http.StatusOK, packet(limit))
	})
	t.Run("more is refused and the session lives", func(t *testing.T) {
		p := enginetest.Start(t, limited).Poll()
		p.Post(packet(limit+1)).Want(t, http.StatusRequestEntityTooLarge, "")
		p.WantAlive()
	})
	t.Run("more in chunks is refused and the session lives", func(t *testing.T) {
		s := enginetest.Start(t, limited)
		p := s.Poll()
		a, err := s.Send(s.Request("POST", p.Query, io.MultiReader(strings.NewReader(packet(limit+1)))))
		if err != nil {
			t.Fatal(err)
		}
		a.Want(t, http.StatusRequestEntityTooLarge, "")
		p.WantAlive()
	})
	t.Run("bytes are counted, not characters", func(t *testing.T) {
		p := enginetest.Start(t, limited).Poll()
		p.Post("4"+strings.Repeat("€", limit/3+1)).Want(t, http.StatusRequestEntityTooLarge, "")
		p.WantAlive()
	})
	t.Run("a megabyte passes the default limit", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		p.Post(packet(1_000_000)).Want(t, http.StatusOK, "ok")
		p.Get().Want(t, http.StatusOK, packet(1_000_000))
	})
}

func TestChunkedPost(t *testing.T) {
	const text = "4grün und € und 𝄞"
	s := enginetest.Start(t)
	p := s.Poll()
	raw := s.Connect()
	raw.Write("POST /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, b := range []byte(text) { // splits each multi-byte character
		raw.Write("1\r\n" + string([]byte{b}) + "\r\n")
	}
	raw.Write("0\r\n\r\n")
	raw.Answer().Want(t, http.StatusOK, "ok")
	p.Get().Want(t, http.StatusOK, text)
}

func TestEachRequestOnAConnectionOfItsOwn(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	request := func(method, body string) enginetest.Answer {
		raw := s.Connect()
		raw.Write(fmt.Sprintf("%s /engine.io/?%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
			method, p.Query, len(body), body))
		a := raw.Answer()
		raw.WantEnd()
		return a
	}
	for range 3 {
		request("POST", "4hello").Want(t, http.StatusOK, "ok")
		request("GET", "").Want(t, http.StatusOK, "4hello")
	}
	p.WantOpen()
}

func TestClosePacketByPolling(t *testing.T) {
	t.Run("while a poll waits", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		answer := p.StartGet()
		p.Post("1").Want(t, http.StatusOK, "ok")
		p.Answer(answer).Want(t, http.StatusOK, "6")
		p.WantClosed(engineio.ReasonTransportClose)
		p.WantGone()
	})
	t.Run("just before the poll arrives", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		p.Post("1").Want(t, http.StatusOK, "ok")
		p.Get().Want(t, http.StatusOK, "6")
		p.WantClosed(engineio.ReasonTransportClose)
		p.WantGone()
	})
	t.Run("with no poll at all", func(t *testing.T) {
		s := enginetest.Start(t)
		p := s.Poll()
		p.Post("1").Want(t, http.StatusOK, "ok")
		p.WantClosed(engineio.ReasonTransportClose)
		enginetest.Eventually(t, "the session to be forgotten", func() bool { return s.Engine.Len() == 0 })
	})
	t.Run("what follows it is not read", func(t *testing.T) {
		p := enginetest.Start(t).Poll()
		p.Post("4a\x1e1\x1e4b").Want(t, http.StatusOK, "ok")
		p.WantClosed(engineio.ReasonTransportClose)
		if got := p.Message().Data; got != "a" {
			t.Errorf("message %q", got)
		}
	})
}

func TestBigMessageByPolling(t *testing.T) {
	p := enginetest.Start(t).Poll()
	data := bytes.Repeat([]byte{0, 1, 2, 0xff}, 150_000)
	answer := p.StartGet()
	p.Send(engineio.NewBinary(data))
	a := p.Answer(answer)
	if len(a.Body) != 1+len(data)/3*4 || a.Body[0] != 'b' {
		t.Errorf("answered %d bytes", len(a.Body))
	}
}

func TestSlowPostIsGivenUp(t *testing.T) {
	s := enginetest.Start(t, quick)
	p := s.Poll()
	raw := s.Connect()
	start := time.Now()
	raw.Write("POST /engine.io/?" + p.Query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4")
	raw.Answer() // the body never comes
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("given up after %s", took)
	}
	p.WantGone()
}
