// SPDX-License-Identifier: Apache-2.0

package service

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// twoGateways runs a program on two gateways that share rooms, and returns their URLs.
func twoGateways(t *testing.T, namespaces string) [2]string {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	nats := natstest.Start(t, nil)
	p := program(t, namespaces)
	var urls [2]string
	for i := range urls {
		urls[i] = gatewayOf(t, p, nats.ClientURL())
	}
	return urls
}

func gatewayOf(t *testing.T, p *Program, nats string) string {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	c, err := cluster.Connect(cluster.Options{Service: "default/t", URLs: []string{nats}, Registerer: prometheus.NewRegistry(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	options := socketio.Options{NewAdapter: c.NewAdapter, NewSocketID: c.NewSocketID}
	options.Engine.Path = path
	server, err := socketio.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	NewRuntime(server, Options{Log: log}).Apply(p)
	hs := httptest.NewServer(server)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		hs.Close()
	})
	return hs.URL
}

func TestALocalEventStaysOnItsGateway(t *testing.T) {
	urls := twoGateways(t, `
  - name: /
    handlers:
    - {event: near, do: [{emit: {event: heard, local: true, args: args}}]}
    - {event: far, do: [{emit: {event: heard, args: args}}]}
`)
	ada, bob, eve := connect(t, urls[0]), connect(t, urls[0]), connect(t, urls[1])
	ada.Send(`42["near",1]`, `42["far",2]`)
	for _, c := range []*wiretest.Client{ada, bob} {
		c.Expect(`42["heard",1]`, `42["heard",2]`)
	}
	eve.Expect(`42["heard",2]`)
}

// TestCompress polls for long events, which are compressed unless the manifest says otherwise.
func TestCompress(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    handlers:
    - {event: plain, do: [{emit: {event: to-all, compress: false, args: args}}]}
    - {event: plain-alone, do: [{emit: {event: to-one, to: socket, compress: false, args: args}}]}
    - {event: packed, do: [{emit: {event: to-all, args: args}}]}
    - {event: packed-alone, do: [{emit: {event: to-one, to: socket, compress: true, args: args}}]}
`)
	base := url + path + "?EIO=4&transport=polling"
	open := request(t, base, "")
	base += "&sid=" + strings.Split(open, `"`)[3]
	request(t, base, "40")
	request(t, base, "")
	long := strings.Repeat("long ", 500)
	for event, want := range map[string]string{"plain": "", "plain-alone": "", "packed": "gzip", "packed-alone": "gzip"} {
		request(t, base, `42["`+event+`","`+long+`"]`)
		r, err := http.NewRequest(http.MethodGet, base, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s is answered with %s in %q, want %q", event, resp.Status, got, want)
		}
	}
}
