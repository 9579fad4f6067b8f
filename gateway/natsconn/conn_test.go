// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func TestAHalfOpenConnectionIsGivenUp(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := connect(t, Options{URLs: []string{proxy.URL()}})
	await(t, "NATS is there", one.Connected)
	for range 2 {
		proxy.Stall()
		await(t, "the gateway notices", func() bool { return !one.Connected() })
		proxy.Resume()
		await(t, "it is back", one.Connected)
	}
}
