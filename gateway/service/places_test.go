// SPDX-License-Identifier: Apache-2.0

package service

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// storing runs a program on gateways that store, and returns what runs it and their URLs.
func storing(t *testing.T, p *Program, gateways int) (runtimes []*Runtime, urls []string) {
	t.Helper()
	return storingFor(t, p, gateways, nil)
}

// storingFor is storing with sessions that clients come back to.
func storingFor(t *testing.T, p *Program, gateways int, recovery *socketio.Recovery) (runtimes []*Runtime, urls []string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	nats := natstest.StartJetStream(t)
	for range gateways {
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		c, err := cluster.Connect(cluster.Options{
			Service: "default/t", URLs: []string{nats.ClientURL()}, Registerer: prometheus.NewRegistry(), Log: log,
			Recovery: &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		options := socketio.Options{NewAdapter: c.NewAdapter, NewSocketID: c.NewSocketID, Recovery: recovery}
		options.Engine.Path = path
		server, err := socketio.NewServer(options)
		if err != nil {
			t.Fatal(err)
		}
		r := NewRuntime(server, Options{Log: log})
		r.Apply(p)
		hs := httptest.NewServer(server)
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			hs.Close()
		})
		wiretest.Await(t, "the log is ready", c.LogReady)
		runtimes, urls = append(runtimes, r), append(urls, hs.URL)
	}
	return runtimes, urls
}

const tables = `
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - {name: table, capacity: 3}
    - {name: trial, capacity: 1, allow: {mode: Audit}}
    handlers:
    - {event: rooms, do: [{ack: "socket.rooms.filter(r, r != socket.id)"}]}
    - {event: enter, do: [{join: "args[0]"}, {ack: "['in']"}]}
`

func TestACapacityHoldsForSocketsJoin(t *testing.T) {
	runtimes, urls := storing(t, specProgram(t, tables), 2)
	var clients []*wiretest.Client
	for i := range 6 {
		clients = append(clients, connect(t, urls[i%2]))
	}
	for _, room := range []string{"table", "trial"} {
		if err := runtimes[0].io.SocketsJoin(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	in := map[string]int{}
	for _, c := range clients {
		in[askFor(t, c, `["rooms"]`)]++
	}
	if in[`["table","trial"]`]+in[`["trial","table"]`] != 3 || in[`["trial"]`] != 3 {
		t.Errorf("the sockets are in %v, and table has 3 places", in)
	}
	refusals := func(rule, mode string) (n float64) {
		for _, r := range runtimes {
			n += testutil.ToFloat64(r.refusals.WithLabelValues("/", rule, mode))
		}
		return n
	}
	if table, trial := refusals("rooms[0].capacity", "Enforce"), refusals("rooms[1].capacity", "Audit"); table != 3 || trial != 5 {
		t.Errorf("%v refusals, and %v that would be", table, trial)
	}
}

// A changed capacity sends nobody away, and counts who is there already.
func TestACapacityThatIsSetLaterCountsWhoIsThere(t *testing.T) {
	runtimes, urls := storing(t, specProgram(t, "  namespaces: [{name: /, handlers: [{event: enter, do: [{join: 'args[0]'}, {ack: \"['in']\"}]}]}]\n"), 1)
	first, second := connect(t, urls[0]), connect(t, urls[0])
	ask(t, first, `["enter","trial"]`, `["in"]`)
	ask(t, first, `["enter","table"]`, `["in"]`)
	runtimes[0].Apply(specProgram(t, "  recovery: {}\n  namespaces: [{name: /, rooms: [{name: table, capacity: 1}], handlers: [{event: enter, do: [{join: 'args[0]'}, {ack: \"['in']\"}]}]}]\n"))
	ask(t, second, `["enter","table"]`, `[{"error":{"code":"room_full","rule":"rooms[0].capacity"}}]`)
	ask(t, first, `["enter","table"]`, `["in"]`)
	runtimes[0].Apply(specProgram(t, "  namespaces: [{name: /, handlers: [{event: enter, do: [{join: 'args[0]'}, {ack: \"['in']\"}]}]}]\n"))
	ask(t, second, `["enter","table"]`, `["in"]`)
}

// A client that takes places and gives them back as fast as it can is stopped, as by `join`.
func TestPlacesAreNotTakenAsFastAsAClientCan(t *testing.T) {
	_, urls := storing(t, specProgram(t, `
  recovery: {maxDisconnection: 1m}
  limits: {maxRooms: 1}
  namespaces:
  - name: /
    rooms: [{name: "game-{n}", capacity: 1}]
    handlers:
    - {event: play, do: [{joinOneOf: {rooms: "['game-1']"}}, {leave: joined}, {ack: "['played']"}]}
`), 1)
	c := connect(t, urls[0])
	for range 1000 {
		if got := askFor(t, c, `["play"]`); got != `["played"]` {
			if got != `[{"error":"the service could not handle the event"}]` {
				t.Errorf("the client is told %s", got)
			}
			return
		}
	}
	t.Error("a client joins as fast as it can")
}
