// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// room is a gateway with a client that does not read, and one that does.
type room struct {
	t           *testing.T
	gateway     *Gateway
	slow, quick *wiretest.Client
	sent        int
}

func roomService(t *testing.T, slowConsumers string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: room}
spec:
  protocol: {slowConsumers: `+slowConsumers+`}
  namespaces:
  - name: /
    handlers:
    - {event: move, do: [{emit: {event: moved, volatile: true, args: args}}]}
    - {event: say, do: [{emit: {event: said, args: args}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func newRoom(t *testing.T, slowConsumers string) *room {
	t.Helper()
	g, url := served(t, roomService(t, slowConsumers))
	r := &room{t: t, gateway: g}
	r.slow, _ = wiretest.Connect(t, url, enginePath, "/")
	r.quick, _ = wiretest.Connect(t, url, enginePath, "/")
	return r
}

func wantMetric(t *testing.T, g *Gateway, line string) {
	t.Helper()
	w := httptest.NewRecorder()
	g.Ops().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
		t.Errorf("metrics lack %s", line)
	}
}

// mostSent is more than the kernel keeps for a connection, in messages.
const mostSent = 1000

var padding = strings.Repeat("x", 64<<10)

// send has a large event go to both, and wants the one who reads to get it.
func (r *room) send(event, received string) {
	r.t.Helper()
	r.sent++
	r.quick.Send(fmt.Sprintf(`42["%s",%d,"%s"]`, event, r.sent, padding))
	r.quick.Expect(fmt.Sprintf(`42["%s",%d,"%s"]`, received, r.sent, padding))
}

// sendUntil sends events until the losses are such.
func (r *room) sendUntil(event, received string, enough func(socketio.Losses) bool) {
	r.t.Helper()
	for !enough(r.gateway.io.Losses()) {
		if r.sent == mostSent {
			r.t.Fatalf("after %d events the losses are %+v", r.sent, r.gateway.io.Losses())
		}
		r.send(event, received)
	}
}

func TestVolatileEventsAreDroppedForWhoDoesNotRead(t *testing.T) {
	r := newRoom(t, "{maxQueueBytes: 1Mi}")
	r.sendUntil("move", "moved", func(l socketio.Losses) bool { return l.VolatileEvents >= 100 })
	for range 5 {
		r.send("say", "said")
	}
	got, last := 0, ""
	for prefix := fmt.Sprintf(`42["said",%d,`, r.sent); !strings.HasPrefix(last, prefix); got++ {
		last = r.slow.Receive()
	}
	l := r.gateway.io.Losses()
	if got+int(l.VolatileEvents) != r.sent || l.SlowConsumers != 0 {
		t.Errorf("of %d events %d came; %+v", r.sent, got, l)
	}
	wantMetric(t, r.gateway, fmt.Sprintf("realtime_volatile_events_dropped_total %d", l.VolatileEvents))
}

func TestWhoDoesNotReadIsDisconnectedAtTheBound(t *testing.T) {
	for name, test := range map[string]struct{ slowConsumers, event, received string }{
		"bytes":                        {"{maxQueueBytes: 256Ki}", "say", "said"},
		"messages":                     {"{maxQueueMessages: 16}", "say", "said"},
		"volatile events wait as well": {"{maxQueueBytes: 256Ki, policy: Disconnect}", "move", "moved"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, test.slowConsumers)
			r.sendUntil(test.event, test.received, func(l socketio.Losses) bool { return l.SlowConsumers == 1 })
			r.send(test.event, test.received)
			if got := len(r.slow.ExpectClosed()); got >= r.sent {
				t.Errorf("%d of %d events came to who did not read", got, r.sent)
			}
			if l := r.gateway.io.Losses(); l != (socketio.Losses{SlowConsumers: 1}) {
				t.Errorf("losses %+v", l)
			}
			wantMetric(t, r.gateway, "realtime_slow_consumers_disconnected_total 1")
		})
	}
}

func TestThePolicyChangesForOpenConnections(t *testing.T) {
	r := newRoom(t, "{maxQueueBytes: 256Ki}")
	r.sendUntil("move", "moved", func(l socketio.Losses) bool { return l.VolatileEvents > 0 })
	if err := r.gateway.Apply(roomService(t, "{maxQueueBytes: 256Ki, policy: Disconnect}"), "2"); err != nil {
		t.Fatal(err)
	}
	dropped := r.gateway.io.Losses().VolatileEvents
	r.sendUntil("move", "moved", func(l socketio.Losses) bool { return l.SlowConsumers == 1 })
	if l := r.gateway.io.Losses(); l.VolatileEvents != dropped {
		t.Errorf("%d events were dropped before, and %d after", dropped, l.VolatileEvents)
	}
}
