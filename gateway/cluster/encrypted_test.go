// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// with has a server encrypt with a certificate.
func with(t *testing.T, p certtest.Pair) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
}

// As the operator has them: NATS gets another certificate, of an authority that gateways which run
// have not had at their start.
func TestAGatewayTrustsNATSByTheAuthorityThatIsMountedNow(t *testing.T) {
	for name, recovery := range map[string]*Recovery{
		"core NATS": nil,
		"recovery":  {MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			first, second := certtest.New(t, "first"), certtest.New(t, "second")
			started := &natsserver.Options{
				JetStream: true, StoreDir: t.TempDir(), Username: "gateway", Password: "secret", TLSConfig: with(t, first),
			}
			ns := natstest.Start(t, started)
			trusting := func(authorities ...certtest.Pair) map[string]string {
				files := map[string]string{"username": "gateway", "password": "secret"}
				for _, a := range authorities {
					files["ca.crt"] += string(a.Certificate)
				}
				return files
			}
			mounted := natstest.NewSecret(t, trusting(first))
			url := strings.Replace(ns.ClientURL(), "nats://", "tls://", 1)
			g := newGateway(t, Options{URLs: []string{url}, CredentialsDir: mounted.Dir, Recovery: recovery, timing: soon})
			usable := func() bool { return g.cluster.Connected() && g.cluster.LogReady() }
			await(t, "NATS is there", usable)
			if _, err := g.cluster.nc.TLSConnectionState(); err != nil {
				t.Errorf("the connection: %v", err)
			}

			ns = natstest.Users(t, ns, started, func(o *natsserver.Options) { o.TLSConfig = with(t, second) })
			await(t, "a foreign certificate is refused", func() bool {
				return !g.cluster.Connected() && strings.Contains(g.cluster.Problem(), "x509")
			})
			mounted.Replace(trusting(second, first))
			await(t, "NATS is trusted", usable)

			natstest.Users(t, ns, started, func(o *natsserver.Options) { o.TLSConfig = nil })
			await(t, "a server that does not encrypt is refused", func() bool {
				return !g.cluster.Connected() && g.cluster.Problem() != "" && !strings.Contains(g.cluster.Problem(), "x509")
			})
		})
	}
}
