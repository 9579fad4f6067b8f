// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const returning = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: returning, namespace: default}
spec:
  recovery: {}
  namespaces: [{name: /}, {name: /other}]
`

// sessionKeeper runs a gateway with recovery for a service of a name.
func sessionKeeper(t *testing.T, nats, name string) (*Gateway, string) {
	t.Helper()
	return gatewayOf(t, nats, returning, name)
}

// gatewayOf runs a gateway for a service, under a name.
func gatewayOf(t *testing.T, nats, service, name string) (*Gateway, string) {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(service))
	if err != nil {
		t.Fatal(err)
	}
	svc.Name = name
	g, err := New(svc, "1", Options{NATSURLs: []string{nats}})
	if err != nil {
		t.Fatal(err)
	}
	clients, ops := httptest.NewServer(g.Handler()), httptest.NewServer(g.Ops())
	t.Cleanup(func() {
		g.Close()
		http.DefaultClient.CloseIdleConnections()
		clients.Close()
		ops.Close()
	})
	await(t, ops.URL+"/readyz", ready)
	return g, clients.URL
}

func TestAPrivateIDIsGoodForItsOwnSessionAlone(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL()
	_, url := sessionKeeper(t, nats, "one")
	_, elsewhere := sessionKeeper(t, nats, "two")
	g := &wiretest.Guest{T: t}
	g.Ask(url, enginePath)
	g.Answer()
	for name, tt := range map[string]struct{ url, namespace string }{
		"another namespace": {url, "/other,"},
		"another service":   {elsewhere, ""},
	} {
		c := wiretest.Dial(t, tt.url, enginePath, "", nil)
		c.Send("40" + tt.namespace + `{"pid":"` + g.PID + `"}`)
		answer := c.Receive()
		if !strings.HasPrefix(answer, "40"+tt.namespace+`{"sid":`) || strings.Contains(answer, g.SID) || strings.Contains(answer, g.PID) {
			t.Errorf("%s: answered %s", name, answer)
		}
	}
	g.Wire.Close()
	g.Ask(url, enginePath)
	if !g.Answer() {
		t.Error("its own session is not recovered")
	}
}

// What lets clients in is asked again when they come back.
func TestAClientThatIsLetInNoMoreDoesNotComeBack(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL()
	g, url := sessionKeeper(t, nats, "one")
	var revoked atomic.Bool
	g.io.Use(func(*socketio.Socket) error {
		if revoked.Load() {
			return errors.New("revoked")
		}
		return nil
	})
	client := &wiretest.Guest{T: t}
	client.Ask(url, enginePath)
	client.Answer()
	client.Wire.Close()
	revoked.Store(true)
	client.Ask(url, enginePath)
	client.Wire.Expect(`44{"message":"revoked"}`)
	revoked.Store(false)
	client.Ask(url, enginePath)
	if !client.Answer() {
		t.Error("not recovered when it is let in again")
	}
}
