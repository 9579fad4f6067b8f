// SPDX-License-Identifier: Apache-2.0

// The race detector takes memory of its own.
//go:build linux && !race

package gateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// A client that has said who it is by a token with 500 bytes of claims, and does nothing.
func TestMemoryOfAuthenticatedClients(t *testing.T) {
	const clients, limit = 2000, 3 << 10
	i := newIssuers(t)
	i.up.Store(true)
	// What NATS stores for recovery would be in this process, too.
	text := strings.NewReplacer("  recovery: {maxDisconnection: 1m}\n", "", "{allowEIO3: true}", "{handshakes: {perSecond: 0}}").Replace(authenticated)
	pod := i.gatewaysOf(t, text)[0]
	for name, token := range map[string]string{
		"shared": i.shared.Sign(t, "HS256", claims("shared", "pad", strings.Repeat("p", 400))),
		"remote": i.remote.Sign(t, "RS256", claims("remote", "email", "anna@example.com", "pad", strings.Repeat("p", 360))),
	} {
		t.Run(name, func(t *testing.T) {
			come := func(size, all int) {
				crowd := wiretest.NewCrowd(t, pod.clients, enginePath, size)
				crowd.Send("40" + byToken(token).auth)
				await(t, pod.ops+"/metrics", func(_ int, body string) bool {
					return strings.Contains(body, fmt.Sprintf("\nrealtime_authentication_total{entry=%q,result=\"ok\"} %d\n", name, all))
				})
			}
			come(100, 100) // what the first ones make stays
			before := heapInUse()
			come(clients, 100+clients)
			each := (heapInUse() - before) / clients
			t.Logf("an authenticated client takes %d bytes", each)
			if each > limit {
				t.Errorf("an authenticated client takes %d bytes, want at most %d", each, limit)
			}
		})
	}
}
