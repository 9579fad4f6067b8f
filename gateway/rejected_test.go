// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
)

// changeStream changes the stream of a gateway's log, as an administrator would.
func changeStream(t *testing.T, url string, change func(*jetstream.StreamConfig)) *nats.Conn {
	t.Helper()
	nc := natstest.Connect(t, url)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	streams := js.ListStreams(t.Context())
	info, ok := <-streams.Info()
	if !ok {
		t.Fatalf("no stream: %v", streams.Err())
	}
	change(&info.Config)
	if _, err := js.UpdateStream(t.Context(), info.Config); err != nil {
		t.Fatal(err)
	}
	return nc
}

func (g *Gateway) waitsForNothing(t *testing.T) {
	t.Helper()
	eventually(t, "nothing waits to be stored", func() bool { return g.total(t, "realtime_log_waiting_messages") == 0 })
}

func TestAnEventThatJetStreamRejectsIsNotAcknowledged(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for name, tt := range map[string]struct {
		change func(*jetstream.StreamConfig)
		status int
		says   string
		after  bool // other events are still stored
	}{
		"an event beyond the stream's max_msg_size": {
			func(c *jetstream.StreamConfig) { c.MaxMsgSize = 2000 }, http.StatusRequestEntityTooLarge, "message size exceeds maximum allowed (10054)", true,
		},
		"a stream that takes nothing for another reason": {
			func(c *jetstream.StreamConfig) { c.Sealed = true }, http.StatusServiceUnavailable, "invalid operation on sealed stream (10109)", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			leakCheck(t)
			server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
			g, clients, api, _ := remembers(t, server.ClientURL())
			c := wiretest.Dial(t, clients, enginePath, "", nil)
			welcomed(t, c, "")
			nc := changeStream(t, server.ClientURL(), tt.change)

			got := post(t, api, emitPath, "secret", `{"event":"news","rooms":["lobby"],"args":["`+long+`"]}`)
			if want := fmt.Sprintf(`%d {"error":"`, tt.status); !strings.HasPrefix(got, want) || !strings.Contains(got, tt.says) {
				t.Errorf("a program is answered %s", got)
			}
			over, err := nc.Request(publish.Subject("default/remembering"), []byte(`{"namespace":"/","event":"news","args":["`+long+`"]}`), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if _, body, _ := strings.Cut(strings.TrimSpace(got), " "); string(over.Data) != body {
				t.Errorf("over NATS a program is answered %s, over HTTP %s", over.Data, body)
			}
			c.Send(`421["say","lobby","` + long + `"]`)
			c.Expect(`431[{"error":"the service could not handle the event"}]`)
			if !tt.after {
				g.waitsForNothing(t)
				return
			}
			c.Send(`422["say","lobby","short"]`)
			if got := withoutOffset(t, c.Receive()); !strings.HasPrefix(got, `42["said","short",`) {
				t.Errorf("the client gets %s", got)
			}
			c.Expect(`432["stored"]`)
			if got := post(t, api, emitPath, "secret", `{"event":"news","rooms":["lobby"]}`); got != published200 {
				t.Errorf("afterwards a program is answered %s", got)
			}
			g.waitsForNothing(t)
			if n := g.total(t, "realtime_log_rejected_messages_total"); n != 3 {
				t.Errorf("%v are counted as rejected", n)
			}
		})
	}
}

// Each event is stored and delivered, or refused as too large, also within a header's length of
// what NATS carries.
func TestEventsAsLargeAsNATSCarriesAreStoredOrRefused(t *testing.T) {
	leakCheck(t)
	server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), MaxPayload: 4096})
	g, clients, api, _ := remembers(t, server.ClientURL())
	c := wiretest.Dial(t, clients, enginePath, "", nil)
	welcomed(t, c, "")
	taken, refused := 0, 0
	for size := 4096 - 250; size <= 4096; size += 5 {
		text := strings.Repeat("x", size)
		switch got := post(t, api, emitPath, "secret", `{"event":"n","args":["`+text+`"]}`); {
		case got == published200 && refused == 0:
			taken++
			if got := withoutOffset(t, c.Receive()); got != `42["n","`+text+`"]` {
				t.Fatalf("of %d bytes the client gets %s", size, got)
			}
		case strings.HasPrefix(got, `413 {"error":"`) && strings.Contains(got, "maximum payload"):
			refused++
		default:
			t.Fatalf("%d bytes are answered %s, after %d that were taken and %d that were refused", size, got, taken, refused)
		}
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d were taken, and %d refused", taken, refused)
	}
	g.waitsForNothing(t)
}
