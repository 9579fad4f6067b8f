// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const movable = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: movable, namespace: default}
spec:
  recovery: {}
  namespaces: [{name: /}]
`

// mover is a gateway that the operator can ask to move clients.
type mover struct {
	*pod
	t    *testing.T
	push func(body string) int
}

func startMover(t *testing.T, service string) *mover {
	t.Helper()
	leakCheck(t)
	authority := certtest.NewAuthority(t)
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL()
	svc, err := manifest.Load(t.Context(), []byte(service))
	if err != nil {
		t.Fatal(err)
	}
	p := startWith(t, nats, 0, render(t, svc), withPeers(mountPeers(t, authority)))
	await(t, p.ops+"/readyz", ready)
	identity := authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, gatewaypeers.OperatorName))
	return &mover{p, t, func(body string) int {
		code, _, err := push(t, p.peers, identity, gatewayconfig.MovesPath, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}}
}

// order asks for moves that are over when the gateway has moved that many in all.
func (m *mover) order(clients int, minConnected time.Duration, total string) {
	m.t.Helper()
	body, err := json.Marshal(gatewayconfig.Moves{Clients: clients, WithinSeconds: 0.1, MinConnectedSeconds: minConnected.Seconds()})
	if err != nil {
		m.t.Fatal(err)
	}
	if code := m.push(string(body)); code != http.StatusOK {
		m.t.Fatalf("the answer is %d", code)
	}
	await(m.t, m.ops+"/metrics", func(_ int, body string) bool {
		return strings.Contains(body, "\nrealtime_clients_moved_total "+total+"\n")
	})
}

func TestClientsAreAskedToReconnectAndMissNothing(t *testing.T) {
	m := startMover(t, movable)
	guests := make([]*wiretest.Guest, 6)
	for i := range guests {
		guests[i] = &wiretest.Guest{T: t}
		guests[i].Ask(m.clients, enginePath)
		guests[i].Answer()
	}
	m.order(4, 0, "4")
	await(t, m.ops+"/metrics", func(_ int, body string) bool { return strings.Contains(body, "\nrealtime_connections 2\n") })
	m.order(100, 0, "6")
	for _, g := range guests {
		g.Wire.ExpectClosed()
		g.Ask(m.clients, enginePath)
		if !g.Answer() {
			t.Error("a client that was moved is not recovered")
		}
	}
}

func TestOrdersThatAreNone(t *testing.T) {
	m := startMover(t, movable)
	for _, body := range []string{
		``, `[]`, `{"clients": "all"}`, `{"clients": -1}`, `{"clients": 1, "withinSeconds": 3601}`, `{"withinSeconds": -1}`, `{"minConnectedSeconds": -1}`,
	} {
		if code := m.push(body); code != http.StatusBadRequest {
			t.Errorf("%s is answered by %d", body, code)
		}
	}
	if code := m.push(strings.Repeat(" ", movesLimit+1)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("too long an order is answered by %d", code)
	}
	if code := m.push(`{"clients": 0, "minConnectedSeconds": 1e300, "later": true}`); code != http.StatusOK {
		t.Errorf("an order is answered by %d", code)
	}
}
