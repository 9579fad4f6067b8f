// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
)

// A gateway that dies does not say that its connections are no more.
func TestConnectionsOfALostGatewayAreFree(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	ada := limits.KeyOf("users", "ada")
	rules := limits.Rules{Connections: 1}.Prepare()
	var users [2]*limits.Users
	for i, url := range []string{proxy.URL(), ns.ClientURL()} {
		users[i] = limits.NewUsers(time.Now)
		users[i].SetRules(rules)
		newGateway(t, Options{timing: soon, URLs: []string{url}}).cluster.ShareUsage(users[i])
	}
	seat := limits.Seat{Connection: 1, Socket: 1, ID: "a"}
	there := func() bool {
		entered := users[1].Enter(ada, seat, 1)
		users[1].Leave(ada, seat)
		return entered
	}
	if !users[0].Enter(ada, seat, 1) {
		t.Fatal("the first connection is refused")
	}
	await(t, "the other gateway counts it", func() bool { return !there() })
	proxy.Cut()
	await(t, "the gateway is lost", there)
}
