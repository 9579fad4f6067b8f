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

// What it costs more to reach an idle client by the name of its user: with the same user for all,
// and with one for each, which is a subscription. It includes the part of NATS's server, which is
// in this process.
func TestMemoryOfUsersThatAreAddressed(t *testing.T) {
	const clients = 2000
	const text = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: addressed}
spec:
  protocol: {handshakes: {perSecond: 0}}
  authentication: [{name: shared, jwt: {issuer: https://shared.example, audiences: [chat], hmac: {secretRef: {name: shared-keys}}}}]
  namespaces: [{name: /, authentication: [shared], addressUsers: %v}]
`
	for name, test := range map[string]struct {
		user  func(client int) string
		limit int64 // of what a client takes more
	}{
		"one user":   {func(int) string { return "anna" }, 256},
		"many users": {func(client int) string { return fmt.Sprintf("user-%d", client) }, 4 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			var each [2]int64
			for i, addressed := range []bool{false, true} {
				t.Run(fmt.Sprint(addressed), func(t *testing.T) {
					secrets := newIssuers(t)
					pod := secrets.gatewaysOf(t, strings.ReplaceAll(text, "%v", fmt.Sprint(addressed))+"#%.0s")[0]
					come := func(first, size int) {
						crowd := wiretest.NewCrowd(t, pod.clients, enginePath, size)
						crowd.SendEach(func(client int) string {
							return "40" + byToken(secrets.shared.Sign(t, "HS256", claims("shared", "sub", test.user(first+client)))).auth
						})
						await(t, pod.ops+"/metrics", func(_ int, body string) bool {
							return strings.Contains(body, fmt.Sprintf("\nrealtime_authentication_total{entry=\"shared\",result=\"ok\"} %d\n", first+size)) &&
								strings.Contains(body, "\nrealtime_handlers_suspended 0\n")
						})
					}
					come(0, 100) // what the first ones make stays
					before := heapInUse()
					come(100, clients)
					each[i] = (heapInUse() - before) / clients
				})
			}
			more := each[1] - each[0]
			t.Logf("a client takes %d bytes, and %d more if its user is addressed", each[0], more)
			if more > test.limit {
				t.Errorf("a client whose user is addressed takes %d bytes more, want at most %d", more, test.limit)
			}
		})
	}
}
