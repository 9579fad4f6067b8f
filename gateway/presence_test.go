// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const lobby = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: lobby}
spec:
  namespaces:
  - name: /
    rooms: [{name: lobby, presence: true, presenceInfo: "{'name': socket.data.username}"}]
    handlers:
    - {event: login, do: [{set: {username: "args[0]"}}, {join: "'lobby'"}, {presence: {room: "'lobby'", limit: 0}}]}
    - {event: who, do: [{presence: {room: "'lobby'"}}]}
`

// names reads events of presence until a client knows of members with these names, by id.
func names(t *testing.T, c *wiretest.Client, known, want map[string]string) {
	t.Helper()
	type member struct {
		ID   string
		Info struct{ Name string }
	}
	for range 50 {
		text := c.Receive()
		var e struct {
			Count                 int
			Members, Joined, Left []member
		}
		_, raw, ok := strings.Cut(text, `42["presence",`)
		if !ok || json.Unmarshal([]byte(strings.TrimSuffix(raw, "]")), &e) != nil {
			t.Fatalf("received %s", text)
		}
		if e.Members != nil {
			clear(known)
		}
		for _, m := range append(e.Members, e.Joined...) {
			known[m.ID] = m.Info.Name
		}
		for _, m := range e.Left {
			delete(known, m.ID)
		}
		if cmp.Equal(known, want) && e.Count == len(want) {
			return
		}
	}
	t.Fatalf("known are %v, want %v", known, want)
}

func TestMembersOfAllGatewaysSeeEachOtherAndWhoDies(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, nil)
	way := natstest.NewProxy(t, nats.ClientURL())
	svc, err := manifest.Load(t.Context(), []byte(lobby))
	if err != nil {
		t.Fatal(err)
	}
	a := startWith(t, nats.ClientURL(), 0, render(t, svc))
	b := startWith(t, way.URL(), 0, render(t, svc))
	await(t, a.ops+"/readyz", ready)
	await(t, b.ops+"/readyz", ready)
	login := func(p *pod, name, answer string) (*wiretest.Client, string) {
		c, id := wiretest.Connect(t, p.clients, enginePath, "/")
		c.Send(`421["login","` + name + `"]`)
		c.Expect(`431[{"room":"lobby","count":` + answer + `,"members":[]}]`)
		return c, id
	}
	ada, adaID := login(a, "Ada", "1")
	all := map[string]string{adaID: "Ada"}
	adas := map[string]string{}
	names(t, ada, adas, all)
	bob, bobID := login(b, "Bob", "2")
	all[bobID] = "Bob"
	bobs := map[string]string{}
	names(t, ada, adas, all)
	names(t, bob, bobs, all)
	if _, metrics := get(t, a.ops+"/metrics"); !strings.Contains(metrics, "\nrealtime_presence_rooms 1\n") ||
		!strings.Contains(metrics, "\nrealtime_presence_members 1\n") {
		t.Errorf("metrics: %s", metrics)
	}

	way.Cut()
	start := time.Now()
	delete(all, bobID)
	names(t, ada, adas, all)
	if took := time.Since(start); took > 10*time.Second { // the promise
		t.Errorf("Ada learns after %v that Bob's gateway is gone", took)
	}
	way.Mend()
	all[bobID] = "Bob"
	names(t, ada, adas, all)
}
