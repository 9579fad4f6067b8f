// SPDX-License-Identifier: Apache-2.0

package clustered_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/clustered"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const path = "/socket.io/"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// member is one of the servers, with a web server of its own.
type member struct {
	*clustered.Server
	web *httptest.Server
}

// start starts a server whose clients enter rooms and talk there.
func start(t *testing.T, nats string) *member {
	t.Helper()
	s, err := clustered.NewServer(clustered.Options{
		Service: "chat", NATSURLs: []string{nats}, Secrets: [][]byte{bytes.Repeat([]byte{7}, 32)},
		PeerListen: "127.0.0.1:0", PeerHost: "127.0.0.1",
		Options: socketio.Options{Recovery: &socketio.Recovery{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.IO.OnConnection(func(socket *socketio.Socket) {
		socketio.OnAck(socket, "enter", func(socket *socketio.Socket, room string) (string, error) {
			socket.Join(room)
			return room, nil
		})
		socket.On("say", func(ev *socketio.Event) {
			if err := s.IO.To("tea").EmitArgs("said", ev.Args); err != nil {
				t.Error(err)
			}
		})
	})
	m := &member{s, httptest.NewServer(s)}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		m.web.Close()
	})
	return m
}

// pair starts two servers, and returns when both can do all that they are for.
func pair(t *testing.T) (a, b *member) {
	t.Helper()
	nats := natstest.Start(t, &server.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL()
	a, b = start(t, nats), start(t, nats)
	ready := time.NewTicker(10 * time.Millisecond)
	defer ready.Stop()
	for !a.Ready() || !b.Ready() {
		select {
		case <-ready.C:
		case <-t.Context().Done():
			t.Fatal("not ready")
		}
	}
	return a, b
}

// poller is a client that polls through a load balancer without affinity, each request by the next
// server.
type poller struct {
	t       *testing.T
	servers []*member
	turn    atomic.Int64
	sid     string
}

func (p *poller) request(method, body string) string {
	p.t.Helper()
	base := p.servers[p.turn.Add(1)%int64(len(p.servers))].web.URL
	url := base + path + "?EIO=4&transport=polling"
	if p.sid != "" {
		url += "&sid=" + p.sid
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s %q, %v", method, answer.Status, data, err)
	}
	return string(data)
}

func (p *poller) open() {
	p.t.Helper()
	var opened struct{ SID string }
	if err := json.Unmarshal([]byte(p.request(http.MethodGet, "")[1:]), &opened); err != nil {
		p.t.Fatal(err)
	}
	p.sid = opened.SID
	p.request(http.MethodPost, "40")
	if got := p.request(http.MethodGet, ""); !strings.HasPrefix(got, "40{") {
		p.t.Fatalf("answer to CONNECT: %s", got)
	}
}

func TestServersAreOneToTheirClients(t *testing.T) {
	a, b := pair(t)
	polling := &poller{t: t, servers: []*member{a, b}}
	polling.open()
	polling.request(http.MethodPost, `420["enter","tea"]`)
	if got := polling.request(http.MethodGet, ""); got != `430["tea"]` {
		t.Fatalf("answer %s", got)
	}
	other, _ := wiretest.Connect(t, b.web.URL, path, "/")
	other.Send(`420["enter","tea"]`)
	other.Expect(`430["tea"]`)
	for n := range 8 {
		polling.request(http.MethodPost, fmt.Sprintf(`42["say",%d]`, n))
		event := fmt.Sprintf(`42["said",%d,`, n) // the offset follows
		for _, got := range []string{polling.request(http.MethodGet, ""), other.Receive()} {
			if !strings.HasPrefix(got, event) {
				t.Fatalf("received %s, want %s…", got, event)
			}
		}
	}
}

func TestClientComesBackToAnotherServer(t *testing.T) {
	a, b := pair(t)
	client := &wiretest.Guest{T: t}
	client.Ask(a.web.URL, path)
	client.Answer()
	client.Wire.Send(`420["enter","tea"]`)
	client.Wire.Expect(`430["tea"]`)
	client.Wire.Send(`42["say",1]`)
	client.Expect(`["said",1]`)
	drained := make(chan error, 1)
	go func() { drained <- a.Drain(t.Context(), engineio.Pace{}) }()
	client.Wire.ExpectClosed()
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	if err := b.IO.To("tea").Emit("said", "meanwhile"); err != nil {
		t.Fatal(err)
	}
	client.Ask(b.web.URL, path)
	if !client.Answer() {
		t.Fatal("the client begins anew")
	}
	client.Expect(`["said","meanwhile"]`)
}

func TestServersThatWouldNotFindEachOtherDoNotStart(t *testing.T) {
	_, err := clustered.NewServer(clustered.Options{NATSURLs: []string{"nats://127.0.0.1:1"}})
	for _, want := range []string{"Options.Service", "secret"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
