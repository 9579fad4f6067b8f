// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

func limited(t *testing.T, limits string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: limited}
spec:
  limits: `+limits+`
  dynamicNamespaces: [{pattern: "/team-.+", handlers: [{event: enter, do: [{join: "args[0]"}, {ack: "['in']"}]}]}]
  namespaces:
  - name: /
    handlers:
    - {event: enter, do: [{join: "args[0]"}, {ack: "['in']"}]}
    - {event: exit, do: [{leave: "args[0]"}, {ack: "['out']"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// knock asks for a session, and returns the answer to the handshake.
func knock(t *testing.T, url, transport string) (status int, retryAfter, body string) {
	t.Helper()
	url += enginePath + "?EIO=4&transport=" + transport
	if transport == "polling" {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Retry-After"), string(text)
	}
	conn, resp, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http", "ws", 1), nil)
	if err == nil {
		conn.Close()
		return resp.StatusCode, "", ""
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Retry-After"), string(text)
}

func TestAGatewayTakesAsManyConnectionsAsItsLimit(t *testing.T) {
	g, url := served(t, limited(t, "{maxConnections: 2}"))
	first, _ := wiretest.Connect(t, url, enginePath, "/")
	wiretest.Connect(t, url, enginePath, "/")
	for transport, want := range map[string]string{
		"polling":   `{"code":4,"message":"Too many sessions"}`,
		"websocket": "Too many sessions",
	} {
		if status, retryAfter, body := knock(t, url, transport); status != 503 || retryAfter != "5" || body != want {
			t.Errorf("one beyond the limit, by %s: %d %s, Retry-After %q", transport, status, body, retryAfter)
		}
	}
	wantMetric(t, g, `realtime_handshakes_refused_total{reason="full"} 2`)

	first.Close()
	eventually(t, "the place of who has left is free", func() bool {
		status, _, _ := knock(t, url, "websocket")
		return status == http.StatusSwitchingProtocols
	})
	eventually(t, "all but one have left", func() bool { return g.io.Engine().Len() == 1 })
	if err := g.Apply(limited(t, "{maxConnections: 1}"), "2"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := knock(t, url, "polling"); status != 503 {
		t.Errorf("after the limit is lowered: %d", status)
	}
	if err := g.Apply(limited(t, "{maxConnections: 0}"), "3"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := knock(t, url, "polling"); status != 200 {
		t.Errorf("without a limit: %d", status)
	}
}

func TestRoomsAndNamespacesOfOneConnectionAreBounded(t *testing.T) {
	const refused = `{"error":"the service could not handle the event"}`
	_, url := served(t, limited(t, "{maxRooms: 3, maxNamespaces: 2}"))
	c, _ := wiretest.Connect(t, url, enginePath, "/")
	c.Join("/team-a")
	c.Send("40/team-b,")
	c.Expect(`44/team-b,{"message":"Too many namespaces"}`)

	// The rooms of all namespaces count together; those of the sockets' ids do not.
	c.Send(`420["enter",["1","2"]]`)
	c.Expect(`430["in"]`)
	c.Send(`42/team-a,1["enter","3"]`)
	c.Expect(`43/team-a,1["in"]`)
	c.Send(`42/team-a,2["enter","4"]`)
	c.Expect(`43/team-a,2[` + refused + `]`)
	c.Send(`423["enter","4"]`)
	c.Expect(`433[` + refused + `]`)
	c.Send(`424["exit","1"]`)
	c.Expect(`434["out"]`)
	c.Send(`42/team-a,5["enter","4"]`)
	c.Expect(`43/team-a,5["in"]`)

	// A namespace that was left takes its rooms along.
	c.Send("41/team-a,")
	for i := range 2 {
		c.Send(fmt.Sprintf(`42%d["enter","more-%d"]`, i, i))
		c.Expect(fmt.Sprintf(`43%d["in"]`, i))
	}
	c.Join("/team-b")
	other, _ := wiretest.Connect(t, url, enginePath, "/")
	other.Send(`420["enter",["1","2","3"]]`)
	other.Expect(`430["in"]`)
}
