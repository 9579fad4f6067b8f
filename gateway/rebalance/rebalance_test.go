// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const enginePath = socketio.DefaultPath

// start serves the namespaces / and /other.
func start(t *testing.T, o socketio.Options) (*Mover, string) {
	t.Helper()
	io, err := socketio.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	io.Of("/")
	io.Of("/other")
	server := httptest.NewServer(io)
	m := New(Options{
		EachNamespace: func(f func(*socketio.Namespace)) { io.Within("/", f); io.Within("/other", f) },
		Allowed:       func() bool { return true },
		Registerer:    prometheus.NewRegistry(),
		Log:           slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		m.Close()
		io.Close()
		server.Close()
	})
	return m, server.URL
}

func TestWhoIsAsked(t *testing.T) {
	soon := time.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		options socketio.Options
		// connect has one client more connect.
		connect func(t *testing.T, url string)
		n       int
		before  time.Time
		want    int
	}{
		"all":                      {recoverable, nothing, 10, soon, 3},
		"as many as are":           {recoverable, nothing, 2, soon, 2},
		"nobody who has just come": {recoverable, nothing, 10, time.Now().Add(-time.Hour), 0},
		"a client of two namespaces once": {recoverable, func(t *testing.T, url string) {
			c, _ := wiretest.Connect(t, url, enginePath, "/")
			c.Join("/other")
		}, 10, soon, 4},
		"nobody who is in no namespace": {recoverable, func(t *testing.T, url string) { wiretest.Dial(t, url, enginePath, "", nil) }, 10, soon, 3},
		"nobody without recovery":       {socketio.Options{}, nothing, 10, soon, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m, url := start(t, test.options)
			for range 3 {
				wiretest.Connect(t, url, enginePath, "/")
			}
			test.connect(t, url)
			if got := len(m.choose(test.n, test.before)); got != test.want {
				t.Errorf("%d are asked, want %d", got, test.want)
			}
		})
	}
}

var recoverable = socketio.Options{Recovery: &socketio.Recovery{}, Engine: engineio.Config{}}

func nothing(*testing.T, string) {}

func TestOrdersAreCarriedOut(t *testing.T) {
	m, url := start(t, recoverable)
	var clients []*wiretest.Client
	for range 3 {
		c, _ := wiretest.Connect(t, url, enginePath, "/")
		clients = append(clients, c)
	}
	all := Order{Clients: 3}

	m.Allowed = func() bool { return false }
	m.run(t.Context(), all)
	if got := testutil.ToFloat64(m.moved); got != 0 {
		t.Errorf("%v have moved although none may", got)
	}
	m.Allowed = func() bool { return true }
	ended, end := context.WithCancel(t.Context())
	end()
	m.run(ended, Order{Clients: 3, Within: time.Hour})
	if got := testutil.ToFloat64(m.moved); got != 0 {
		t.Errorf("%v have moved although the order has ended", got)
	}

	m.Take(Order{Clients: 3, Within: time.Hour})
	m.Take(all) // in place of it
	for _, c := range clients {
		c.ExpectClosed()
	}
	m.Close()
	if got := testutil.ToFloat64(m.moved); got != 3 {
		t.Errorf("%v have moved", got)
	}
	wiretest.Connect(t, url, enginePath, "/")
	m.Take(all)
	m.tasks.Wait()
	if got := testutil.ToFloat64(m.moved); got != 3 {
		t.Errorf("after its end, %v have moved", got)
	}
}
