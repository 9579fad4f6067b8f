// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// ofRevision starts a gateway as of a pod template, and waits until it is ready. It tells its
// clients to go as soon as it drains.
func ofRevision(t *testing.T, natsURL, name, revision string, limit time.Duration, edit ...func(*RunOptions)) *pod {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: greeter}
spec:
  gateway: {drain: {rate: 1000}}
  namespaces: [{name: /, handlers: [{event: hi, do: [{emit: {event: hello, args: "[args[0]]"}}]}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	edit = append(edit, func(o *RunOptions) { o.Name, o.Revision, o.DrainLimit = name, revision, limit })
	p := startWith(t, natsURL, 0, render(t, svc), edit...)
	await(t, p.ops+"/readyz", ready)
	return p
}

// introduce has a gateway's word reach a client of another, which has then heard of it.
func introduce(t *testing.T, p *pod, to *wiretest.Client) {
	t.Helper()
	c, _ := wiretest.Connect(t, p.clients, enginePath, "/")
	defer c.Close()
	c.Send(`42["hi",0]`)
	to.Expect(`42["hello",0]`)
}

func gone(t *testing.T, p *pod) {
	t.Helper()
	if err := <-p.ended; err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	p.ended <- nil
}

func TestReplacedGatewaysKeepTheirClientsUntilAllLeave(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, nil).ClientURL()
	first, second := ofRevision(t, nats, "first", "old", time.Hour), ofRevision(t, nats, "second", "old", time.Hour)
	next := ofRevision(t, nats, "next", "new", time.Hour)
	ada, _ := wiretest.Connect(t, first.clients, enginePath, "/")
	introduce(t, second, ada)
	introduce(t, next, ada)
	bob, _ := wiretest.Connect(t, second.clients, enginePath, "/")

	first.stop()
	await(t, first.ops+"/readyz", func(status int, body string) bool {
		return status == http.StatusServiceUnavailable && strings.Contains(body, "leaving")
	})
	if status, _ := get(t, first.clients+enginePath+"?EIO=4&transport=polling"); status != http.StatusServiceUnavailable {
		t.Errorf("a leaving gateway answers a handshake with %d", status)
	}
	// Its client is served as before, and by all.
	bob.Send(`42["hi",1]`)
	ada.Expect(`42["hello",1]`)
	bob.Expect(`42["hello",1]`)
	ada.Send(`42["hi",2]`)
	ada.Expect(`42["hello",2]`)

	second.stop()
	ada.ExpectClosed()
	bob.ExpectClosed()
	gone(t, first)
	gone(t, second)
	if status, body := get(t, next.ops+"/readyz"); status != http.StatusOK {
		t.Errorf("the new gateway answers %d %s", status, body)
	}
}

func TestHoldEndsWithItsLimit(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, nil).ClientURL()
	const limit = 400 * time.Millisecond
	first := ofRevision(t, nats, "first", "old", limit)
	second, next := ofRevision(t, nats, "second", "old", limit), ofRevision(t, nats, "next", "new", limit)
	ada, _ := wiretest.Connect(t, first.clients, enginePath, "/")
	introduce(t, second, ada)
	introduce(t, next, ada)
	begun := time.Now()

	first.stop() // and second stays, as in a rollout that is stuck

	ada.ExpectClosed()
	if held := time.Since(begun); held < limit/2 {
		t.Errorf("the client is sent away after %s, want after %s at least", held, limit/2)
	}
	gone(t, first)
	for _, p := range []*pod{second, next} {
		if status, body := get(t, p.ops+"/readyz"); status != http.StatusOK {
			t.Errorf("a gateway that stays answers %d %s", status, body)
		}
	}
}

func TestNobodyIsHeldWithoutSuccessors(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, nil).ClientURL()
	const settle = time.Minute // a busy machine takes less to do the rest
	slow := func(o *RunOptions) { o.settle = settle }
	first, second := ofRevision(t, nats, "first", "old", time.Hour, slow), ofRevision(t, nats, "second", "old", time.Hour)

	begun := time.Now()
	first.stop() // as when a service is scaled down
	gone(t, first)

	// Waiting for load balancers alone would take that long.
	if took := time.Since(begun); took >= settle {
		t.Errorf("leaving took %s", took)
	}
	if status, body := get(t, second.ops+"/readyz"); status != http.StatusOK {
		t.Errorf("the one that stays answers %d %s", status, body)
	}
}
