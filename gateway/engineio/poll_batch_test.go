// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// packets are the packets in the answers to polls, up to the one that refuses.
func packets(t *testing.T, get func() enginetest.Answer) [][]string {
	t.Helper()
	var answers [][]string
	for a := get(); a.Status == http.StatusOK; a = get() {
		answers = append(answers, strings.Split(a.Body, "\x1e"))
	}
	return answers
}

// numbered are messages, and how they look in a polling payload.
func numbered(n int) (messages []*engineio.Message, packets []string) {
	for i := range n {
		messages = append(messages, engineio.NewText(fmt.Append(nil, i)))
		packets = append(packets, fmt.Sprint(4, i))
		packets[i] = strings.ReplaceAll(packets[i], " ", "")
	}
	return messages, packets
}

func TestPollAnswersAreBounded(t *testing.T) {
	text := func(n int) *engineio.Message { return engineio.NewText([]byte(strings.Repeat("x", n))) }
	for name, c := range map[string]struct {
		maxPayload int64
		send       []*engineio.Message
		want       []int // packets in each answer
	}{
		"16 packets":                  {want: []int{16}, send: first(numbered(16))},
		"17 packets":                  {want: []int{16, 1}, send: first(numbered(17))},
		"40 packets":                  {want: []int{16, 16, 8}, send: first(numbered(40))},
		"bytes":                       {maxPayload: 100, want: []int{2, 1}, send: []*engineio.Message{text(48), text(48), text(1)}},
		"bytes of base64":             {maxPayload: 100, want: []int{1, 2}, send: []*engineio.Message{engineio.NewBinary(make([]byte, 72)), engineio.NewBinary(make([]byte, 1)), text(1)}},
		"a message beyond the limit":  {maxPayload: 100, want: []int{1, 1, 1}, send: []*engineio.Message{text(1), text(200), text(1)}},
		"an attachment in the middle": {want: []int{16, 2}, send: append(first(numbered(15)), text(1), engineio.NewBinary([]byte{1}), text(1))},
	} {
		t.Run(name, func(t *testing.T) {
			p := enginetest.Start(t, with(func(c2 *engineio.Config) { c2.MaxPayload = c.maxPayload })).Poll()
			p.Send(c.send...)
			p.Close(engineio.ReasonForcedClose)
			var got []int
			for _, packets := range packets(t, p.Get) {
				got = append(got, len(packets))
			}
			if diff := cmp.Diff(append(c.want, 1), got); diff != "" { // and the close packet
				t.Errorf("packets in each answer (-want +got):\n%s", diff)
			}
		})
	}
}

func first(messages []*engineio.Message, _ []string) []*engineio.Message { return messages }

// What stamps its polls with a number may be python-engineio, whatever its User-Agent.
func TestPollAnswersAreBoundedForClientsThatNeedIt(t *testing.T) {
	for stamp, want := range map[string]int{
		"&t=1764458440.1234": 16, // python-engineio
		"&t=1764458440":      16,
		"&t=":                16,
		"&t=p8zko6o1":        40, // engine.io-client since 6.6
		"&t=PX4kJ1a.0":       40, // engine.io-client before, by yeast
	} {
		t.Run(stamp, func(t *testing.T) {
			s := enginetest.Start(t)
			p := s.Poll()
			p.Send(first(numbered(40))...)
			body := s.Do("GET", p.Query+stamp, "").Body
			if got := len(strings.Split(body, "\x1e")); got != want {
				t.Errorf("%d packets, want %d", got, want)
			}
		})
	}
}

// A burst may come between two polls, while one waits, or in the handshake's answer; nothing is
// lost or late for that.
func TestPollsFetchABurstInOrder(t *testing.T) {
	messages, want := numbered(1000)
	p := enginetest.Start(t).Poll()
	waiting := p.StartGet()
	for _, m := range messages {
		p.Send(m)
	}
	got := strings.Split(p.Answer(waiting).Body, "\x1e")
	p.Close(engineio.ReasonForcedClose)
	for _, packets := range packets(t, p.Get) {
		got = append(got, packets...)
	}
	if diff := cmp.Diff(append(want, "1"), got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

func TestHandshakeAnswerIsBounded(t *testing.T) {
	messages, want := numbered(20)
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		onSession := c.OnSession
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			session.Send(messages...)
			return onSession(session)
		}
	}))
	a := s.Do("GET", polling, "")
	got := strings.Split(a.Body, "\x1e")
	if len(got) != 16 {
		t.Errorf("%d packets", len(got))
	}
	rest := s.Do("GET", polling+"&sid="+a.SessionID(), "")
	got = append(got[1:], strings.Split(rest.Body, "\x1e")...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

func TestPollAnswersAreBoundedForRevision3(t *testing.T) {
	for name, query := range map[string]string{"base64": "&b64=1", "bytes": "", "JSONP": "&b64=1&j=0"} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t, eio3)
			session, url := open3(t, s, "&b64=1")
			if query == "" {
				session, url = open3(t, s, "")
			}
			messages, _ := numbered(20)
			session.Send(append(messages, engineio.NewBinary([]byte{1}))...)
			first, rest := s.Do("GET", url+query, "").Body, s.Do("GET", url+query, "").Body
			if !strings.Contains(first, "415") || strings.Contains(first, "416") || !strings.Contains(rest, "419") {
				t.Errorf("answered %q, then %q", first, rest)
			}
		})
	}
}

// The messages that a session still has to fetch when it ends come before the close packet, and
// never with it.
func TestCloseIsNeverBehindMessages(t *testing.T) {
	for name, end := range map[string]struct {
		end  func(*enginetest.Server, *enginetest.Poller)
		want [][]string
	}{
		"closed by the application": {
			end:  func(_ *enginetest.Server, p *enginetest.Poller) { p.Close(engineio.ReasonForcedClose) },
			want: [][]string{{"4last"}, {"1"}},
		},
		"a packet that is none": { // as by the reference, what waits is dropped
			end: func(_ *enginetest.Server, p *enginetest.Poller) { p.Post("x") },
		},
		"the server closes": {
			end: func(s *enginetest.Server, _ *enginetest.Poller) { s.Engine.Close() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t)
			p := s.Poll()
			p.Send(engineio.NewText([]byte("last")))
			end.end(s, p)
			if diff := cmp.Diff(end.want, packets(t, p.Get)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
}

// A session that closes while its client upgrades ends on the new transport, behind what was sent.
func TestCloseDuringAnUpgrade(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	socket := s.Dial(websocket + "&sid=" + p.Opened.SessionID)
	socket.Write("2probe")
	if got := socket.ReadText(); got != "3probe" {
		t.Fatalf("read %q", got)
	}
	p.Send(engineio.NewText([]byte("last")))
	p.Close(engineio.ReasonForcedClose)
	socket.Write("5")
	if got := socket.ReadText(); got != "4last" {
		t.Errorf("read %q", got)
	}
	socket.WantClosed(1005)
}
