// SPDX-License-Identifier: Apache-2.0

// The race detector takes memory of its own.
//go:build linux && !race

package gateway

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// A program hangs, or an issuer, and clients who are not admitted yet wait for it.
func TestMemoryOfClientsThatWaitToBeAuthenticated(t *testing.T) {
	const clients, limit = 3000, 14 << 9 // 4 KiB are the stack; in the first test, Go makes 450 bytes for each goroutine, which it keeps for others
	leakCheck(t)
	bus := natstest.Start(t, nil)
	hanging := make(chan struct{})
	hang := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hanging:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hang.Close)
	t.Cleanup(func() { close(hanging) })
	p := startProgram(t, bus.ClientURL())
	key := jwttest.RSA("remote", 2048)
	token := key.Sign(t, "RS256", claims("remote", "pad", strings.Repeat("p", 400)))
	for namespace, token := range map[string]string{"/web": "hang/0123456789abcdef", "/bus": "hang/0123456789abcdef", "/issuer": token} {
		t.Run(namespace[1:], func(t *testing.T) {
			text := strings.NewReplacer("PORT", p.port, "TIMEOUT", "10s").Replace(askingPrograms) +
				"  - {name: /issuer, authentication: [users], handlers: *who}\n"
			text = strings.Replace(text, "  - name: devices\n", fmt.Sprintf("  - {name: users, jwt: {issuer: https://remote.example, audiences: [chat], jwks: {url: %q}}}\n  - name: devices\n", hang.URL), 1)
			svc, err := manifest.Load(t.Context(), []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			i := &issuers{dir: t.TempDir()}
			i.put(t, "accounts", "token", "gateway-secret")
			g := startWith(t, bus.ClientURL(), 0, render(t, svc), func(o *RunOptions) {
				o.AuthenticationDir, o.LocalServices, o.issuerCA = i.dir, true, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hang.Certificate().Raw}))
			})
			await(t, g.ops+"/readyz", ready)
			suspended := func(n int) {
				await(t, g.ops+"/metrics", func(_ int, body string) bool {
					return strings.Contains(body, fmt.Sprintf("\nrealtime_handlers_suspended %d\n", n))
				})
			}
			packet := "40" + namespace + "," + byToken(token).auth
			first, crowd := wiretest.NewCrowd(t, g.clients, enginePath, 100), wiretest.NewCrowd(t, g.clients, enginePath, clients)
			first.Send(packet) // what these make stays: questions that are asked, connections
			suspended(100)
			before := wiretest.MemoryInUse()
			crowd.Send(packet)
			suspended(100 + clients)
			// The token is the client's own. While keys are waited for, it is there twice.
			most := limit + 2*len(packet)
			each := wiretest.MemoryOfEach(clients, before, most)
			t.Logf("a client that waits takes %d bytes; its packet has %d", each, len(packet))
			if each > most {
				t.Errorf("a client that waits takes %d bytes, want at most %d", each, most)
			}
			crowd.Leave()
			first.Leave()
		})
	}
}
