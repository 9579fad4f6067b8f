// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// A history is waited for for five seconds, while JetStream does not answer.
func TestNothingIsReadForAClientThatHasGone(t *testing.T) {
	leakCheck(t)
	svc, err := manifest.Load(t.Context(), []byte(remembering))
	if err != nil {
		t.Fatal(err)
	}
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	proxy := natstest.NewProxy(t, nats.ClientURL())
	g := startWith(t, proxy.URL(), 0, render(t, svc))
	await(t, g.ops+"/readyz", ready)
	suspended := func(n string) func(int, string) bool {
		return func(_ int, body string) bool { return strings.Contains(body, "\nrealtime_handlers_suspended "+n+"\n") }
	}
	ada := wiretest.Dial(t, g.clients, enginePath, "", nil)
	welcomed(t, ada, "")
	ada.Send(`420["past","quiet-room",null]`)
	ada.Expect(`430[{"events":[],"next":null,"room":"quiet-room"}]`)
	proxy.Stall()
	ada.Send(`421["past","quiet-room",null]`)
	await(t, g.ops+"/metrics", suspended("1"))
	begin := time.Now()
	ada.Close()
	await(t, g.ops+"/metrics", suspended("0"))
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("the history was waited for for %v after the client had gone", took)
	}
	_, body := get(t, g.ops+"/metrics")
	if want := `realtime_handler_errors_total{namespace="/"} 0`; !strings.Contains(body, want) {
		t.Errorf("that a client has gone counts as a failure of the handler: no %s", want)
	}
}
