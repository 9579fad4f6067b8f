// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/membership"
)

// soon is a timing that keeps tests short.
var soon = timing{
	Timing: membership.Timing{Heartbeat: 50 * time.Millisecond, Dead: 500 * time.Millisecond, Census: 20 * time.Millisecond},
	ping:   100 * time.Millisecond, reconnect: 5 * time.Millisecond,
}

// Any second refusal made the client library close the connection for good.
func TestAGatewayOutlastsEveryChangeOfItsCredentials(t *testing.T) {
	for name, recovery := range map[string]*Recovery{
		"core NATS": nil,
		"recovery":  {MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			started := &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), Username: "gateway", Password: "first"}
			ns := natstest.Start(t, started)
			mounted := natstest.NewSecret(t, map[string]string{"username": "gateway", "password": "first"})
			o := Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.Dir, Recovery: recovery, timing: soon}
			one, two := newGateway(t, o), newGateway(t, o)
			both := func(is func(*gateway) bool) func() bool { return func() bool { return is(one) && is(two) } }
			usable := both(func(g *gateway) bool { return g.cluster.Connected() && g.cluster.LogReady() })
			await(t, "NATS is there", usable)
			far, _ := two.Client(t, "room")

			for i, round := range []struct {
				files  map[string]string
				server func(*natsserver.Options)
			}{
				{map[string]string{"username": "gateway", "password": "second"}, func(o *natsserver.Options) { o.Password = "second" }},
				{map[string]string{"token": "third"}, func(o *natsserver.Options) { o.Username, o.Password, o.Authorization = "", "", "third" }},
				{map[string]string{"username": "gateway", "password": "fourth"}, func(o *natsserver.Options) { o.Password = "fourth" }},
			} {
				ns = natstest.Users(t, ns, started, round.server)
				if i == 2 {
					mounted.Replace(nil) // the Secret is deleted before it is made again
				}
				before := map[*gateway]uint64{one: one.cluster.link.Attempts(), two: two.cluster.link.Attempts()}
				await(t, "both are refused five times", both(func(g *gateway) bool {
					return g.cluster.link.Attempts() >= before[g]+5
				}))
				want := "authorization violation"
				if i == 2 {
					want = "none of user.creds"
				}
				await(t, "the reason is told", both(func(g *gateway) bool {
					return strings.Contains(strings.ToLower(g.cluster.Problem()), want)
				}))

				mounted.Replace(round.files)

				await(t, "NATS lets them in", usable)
				if problem := one.cluster.Problem(); problem != "" {
					t.Errorf("while NATS is connected, the problem is %q", problem)
				}
				waitForPeers(t, one.cluster, 1)
				if err := two.cluster.nc.Flush(); err != nil { // its subscriptions are with the server
					t.Fatal(err)
				}
				emit(t, one.IO.To("room"), "round", i)
				if got, want := far.Receive(), fmt.Sprintf(`42["round",%d`, i); !strings.HasPrefix(got, want) {
					t.Fatalf("received %s, want %s", got, want)
				}
			}
		})
	}
}
