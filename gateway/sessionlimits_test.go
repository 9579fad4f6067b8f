// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const keeping = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: keeping, namespace: default}
spec:
  recovery: {}
  namespaces:
  - name: /
    handlers:
    - event: join
      do: [{join: "args[0]"}, {ack: "['ok']"}]
    - event: set
      do: [{set: {text: "args[0]"}}, {ack: "['ok']"}]
    - event: show
      do: [{ack: "[size(socket.rooms), size(string(socket.data.text))]"}]
`

// As docs/concepts/delivery.md says of what a session may hold.
func TestAnActionBeyondWhatASessionMayHoldFails(t *testing.T) {
	const failed = `[{"error":"the service could not handle the event"}]`
	for name, test := range map[string]struct {
		maxPayload int32
		refused    []string
	}{
		"by default": {0, []string{
			`["join","` + strings.Repeat("x", 129<<10) + `"]`,
			`["set","` + strings.Repeat("x", 65<<10) + `"]`,
		}},
		"with a small max_payload": {4096, []string{
			`["join","` + strings.Repeat("x", 2500) + `"]`,
			`["set","` + strings.Repeat("x", 2000) + `"]`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			leakCheck(t)
			nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), MaxPayload: test.maxPayload})
			svc, err := manifest.Load(t.Context(), []byte(keeping))
			if err != nil {
				t.Fatal(err)
			}
			g, err := New(svc, "1", Options{NATSURLs: []string{nats.ClientURL()}})
			if err != nil {
				t.Fatal(err)
			}
			hs, ops := httptest.NewServer(g.Handler()), httptest.NewServer(g.Ops())
			t.Cleanup(func() {
				g.Close()
				http.DefaultClient.CloseIdleConnections()
				hs.Close()
				ops.Close()
			})
			await(t, ops.URL+"/readyz", ready)
			c := wiretest.Dial(t, hs.URL, enginePath, "", nil)
			sid, pid := welcomed(t, c, "")
			say := func(event, want string) {
				t.Helper()
				c.Send("421" + event)
				c.Expect("431" + want)
			}
			say(`["join","room"]`, `["ok"]`)
			say(`["set","text"]`, `["ok"]`)
			for _, event := range test.refused {
				say(event, failed)
			}
			say(`["show"]`, `[2,4]`) // nothing has changed
			c.Close()
			c = wiretest.Dial(t, hs.URL, enginePath, "", nil)
			if again, _ := welcomed(t, c, `{"pid":"`+pid+`"}`); again != sid {
				t.Error("not recovered")
			}
			say(`["show"]`, `[2,4]`)
		})
	}
}
