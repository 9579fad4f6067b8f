// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// trioSize is the fewest servers of which one may fail.
const trioSize = 3

// Trio is a NATS cluster of three servers with JetStream, each of which can stop and come back with
// what it had stored. It is for one goroutine, and ends with the test.
type Trio struct {
	t       testing.TB
	options [trioSize]server.Options
	servers [trioSize]*server.Server // nil while stopped
}

// StartTrio returns when the three have a leader.
func StartTrio(t testing.TB) *Trio {
	t.Helper()
	return startTrio(t, func(address string) string { return address })
}

// StartDistantTrio is StartTrio with servers that hear each other later by a time, as in different
// zones.
func StartDistantTrio(t testing.TB, by time.Duration) *Trio {
	t.Helper()
	return startTrio(t, func(address string) string {
		p := NewProxy(t, address)
		p.Delay(by)
		return p.Address()
	})
}

// startTrio starts servers that tell each other addresses which lead to those that they listen at.
func startTrio(t testing.TB, leading func(address string) string) *Trio {
	t.Helper()
	c := &Trio{t: t}
	ports := freePorts(t, 2*trioSize)
	var routes []*url.URL
	for i := range trioSize {
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: leading(fmt.Sprintf("127.0.0.1:%d", ports[trioSize+i]))})
	}
	for i := range trioSize {
		c.options[i] = server.Options{
			ServerName: fmt.Sprintf("nats-%d", i),
			Port:       ports[i],
			JetStream:  true,
			StoreDir:   t.TempDir(),
			Routes:     routes,
			Cluster:    server.ClusterOpts{Name: "trio", Host: "127.0.0.1", Port: ports[trioSize+i], Advertise: routes[i].Host},
		}
	}
	for i := range trioSize {
		c.Start(i)
	}
	c.AwaitLeader()
	return c
}

// URLs are those of all three, whether they run or not.
func (c *Trio) URLs() []string {
	var urls []string
	for _, o := range c.options {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", o.Port))
	}
	return urls
}

// URL is that of one.
func (c *Trio) URL(i int) string { return c.URLs()[i] }

// Start runs a server that does not run.
func (c *Trio) Start(i int) {
	c.t.Helper()
	o := c.options[i]
	c.servers[i] = Start(c.t, &o)
}

// Stop ends one, politely as Kubernetes does.
func (c *Trio) Stop(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
	c.servers[i] = nil
}

// LeaderOf is the server that leads a stream of the global account; -1 if none does.
func (c *Trio) LeaderOf(stream string) int {
	for i, s := range c.servers {
		if s != nil && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return i
		}
	}
	return -1
}

// AwaitLeader returns when JetStream can be used.
func (c *Trio) AwaitLeader() {
	c.t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, s := range c.servers {
			if s != nil && s.JetStreamIsLeader() {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatal("the NATS servers have no leader")
		}
	}
}

// freePorts are free at once, and stay free while a server is stopped: they are below those that
// systems give to outgoing connections. Somebody may take one before the server does, which then
// says so.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for try := 0; len(ports) < n; try++ {
		if try == 1000 {
			t.Fatal("find free ports: none is")
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)))
		if err != nil {
			continue
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
