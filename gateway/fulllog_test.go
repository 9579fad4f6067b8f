// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
)

// As docs/concepts/delivery.md says of events beyond what may wait for the log.
func TestWhatTheLogHasNoRoomForFailsAndIsSaidToHaveFailed(t *testing.T) {
	leakCheck(t)
	options := natsserver.Options{JetStream: true, StoreDir: t.TempDir()}
	first := options
	server := natstest.Start(t, &first)
	g, clients, api, ops := remembers(t, server.ClientURL())
	c := wiretest.Dial(t, clients, enginePath, "", nil)
	welcomed(t, c, "")

	server.Shutdown()
	server.WaitForShutdown()
	eventually(t, "the gateway notices", func() bool { return !g.cluster.LogReady() })
	await(t, ops+"/readyz", func(status int, body string) bool {
		return status == http.StatusOK && strings.Contains(body, "NATS is away")
	})
	text, taken := strings.Repeat("x", 900_000), 0
	for g.io.To("elsewhere").Emit("fill", text) == nil {
		taken++
	}
	if taken != 64<<20/900_000 {
		t.Errorf("%d of 900 kB were taken, want 64 MiB", taken)
	}

	// More than a few bytes have no room any more. Had the program waited for publish.StoreTimeout,
	// it would be told so.
	got := post(t, api, emitPath, "secret", `{"event":"news","rooms":["lobby"],"args":["`+text+`"]}`)
	if !strings.HasPrefix(got, `503 {"error":"emit news: store the event: too much waits`) {
		t.Errorf("a program is answered %s", got)
	}
	c.Send(`421["say","lobby","` + text + `"]`)
	eventually(t, "its handler fails", func() bool { return g.total(t, "realtime_handler_errors_total") == 1 })
	if n := g.total(t, "realtime_log_refused_messages_total"); n != 3 {
		t.Errorf("%v are counted as refused", n)
	}

	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.ClientURL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	if options.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	natstest.Start(t, &options)
	c.Expect(`431[{"error":"the service could not handle the event"}]`)
	await(t, ops+"/readyz", func(_ int, body string) bool { return strings.TrimSpace(body) == "ok" })
	if got := post(t, api, emitPath, "secret", `{"event":"news","rooms":["lobby"]}`); got != published200 {
		t.Errorf("afterwards a program is answered %s", got)
	}
	if got := withoutOffset(t, c.Receive()); !strings.HasPrefix(got, `42["news",`) {
		t.Errorf("the client gets %s", got)
	}
}

// What is not to be stored need not wait for what is.
func TestWithoutRoomInTheLogVolatileEventsOfProgramsGoOn(t *testing.T) {
	leakCheck(t)
	server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 256 << 10})
	g, clients, api, ops := remembers(t, server.ClientURL())
	c := wiretest.Dial(t, clients, enginePath, "", nil)
	welcomed(t, c, "")
	for range 10 {
		if err := g.io.To("elsewhere").Emit("fill", strings.Repeat("x", 50_000)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the gateway notices", func() bool { return !g.cluster.LogReady() })
	await(t, ops+"/readyz", func(status int, body string) bool {
		return status == http.StatusOK && strings.Contains(body, "JetStream cannot be used")
	})
	if got := post(t, api, emitPath, "secret", `{"event":"now","rooms":["lobby"],"volatile":true}`); got != published200 {
		t.Errorf("a volatile event is answered %s", got)
	}
	if got := withoutOffset(t, c.Receive()); got != `42["now"]` {
		t.Errorf("the client gets %s", got)
	}
	if got := post(t, api, emitPath, "secret", `{"event":"news","rooms":["lobby"]}`); !strings.HasPrefix(got, `503 {"error":"the event is not stored yet`) {
		t.Errorf("one that is to be stored is answered %s", got)
	}
	nc, err := nats.Connect(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	answers, err := nc.SubscribeSync("answers.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"stored", "volatile"} {
		document := fmt.Appendf(nil, `{"namespace":"/","event":"over NATS","volatile":%t}`, name == "volatile")
		if err := nc.PublishRequest(publish.Subject("default/remembering"), "answers."+name, document); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{`answers.volatile {"ok":true}`, `answers.stored {"error":"the event is not stored yet`} {
		answer, err := answers.NextMsg(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Subject + " " + string(answer.Data); !strings.HasPrefix(got, want) {
			t.Errorf("a program is answered %s, want %s", got, want)
		}
	}
}

// remembers starts a gateway with recovery, and returns where clients, programs and Kubernetes
// reach it.
func remembers(t *testing.T, nats string) (g *Gateway, clients, api, ops string) {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(remembering))
	if err != nil {
		t.Fatal(err)
	}
	if g, err = New(svc, "1", Options{NATSURLs: []string{nats}}); err != nil {
		t.Fatal(err)
	}
	g.SetAPITokens([]byte("secret\n"))
	servers := []*httptest.Server{httptest.NewServer(g.Handler()), httptest.NewServer(g.API()), httptest.NewServer(g.Ops())}
	t.Cleanup(func() {
		g.Close()
		http.DefaultClient.CloseIdleConnections()
		for _, s := range servers {
			s.Close()
		}
	})
	await(t, servers[2].URL+"/readyz", ready)
	return g, servers[0].URL, servers[1].URL, servers[2].URL
}

// total is the sum of what a metric counts.
func (g *Gateway) total(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := g.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}
