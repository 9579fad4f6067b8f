// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

var natsHosts = []string{"chat-nats.talk.svc"}

func mustRenewNATS(t *testing.T, data map[string][]byte, now time.Time) map[string][]byte {
	t.Helper()
	next, err := RenewNATS(data, natsHosts, false, now)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// verify checks a certificate as a client does that trusts an authority and calls a host.
func verify(authority, certificate []byte, host string, usage x509.ExtKeyUsage, now time.Time) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("there is no authority")
	}
	leaf := decodeCertificates(certificate)[0]
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

// TestNATSIsAlwaysTrusted renews every day for ten years. NATS and its clients may be a day behind,
// and NATS, which reads its certificate when it starts, no more than that.
func TestNATSIsAlwaysTrusted(t *testing.T) {
	yesterday := mustRenewNATS(t, nil, start)
	restarts := 0
	for now := start; now.Before(start.Add(10 * 365 * day)); now = now.Add(day) {
		today := mustRenewNATS(t, yesterday, now)
		pairs := [][2]map[string][]byte{{today, today}}
		if !maps.EqualFunc(today, yesterday, bytes.Equal) {
			pairs = append(pairs, [2]map[string][]byte{today, yesterday}, [2]map[string][]byte{yesterday, today})
		}
		for _, pair := range pairs {
			if err := verify(pair[0][keyTrusted], pair[1][keyServing], natsHosts[0], x509.ExtKeyUsageServerAuth, now); err != nil {
				t.Fatalf("%v: %v", now, err)
			}
		}
		if !bytes.Equal(today[keyServing], yesterday[keyServing]) {
			restarts++
			if left := decodeCertificates(yesterday[keyServing])[0].NotAfter.Sub(now); left < 60*day {
				t.Errorf("%v: renewed %v before its end", now, left)
			}
		}
		yesterday = today
	}
	if restarts < 15 || restarts > 21 {
		t.Errorf("NATS is restarted %d times in ten years", restarts)
	}
}

func TestNATSAndGatewaysDoNotPassForEachOther(t *testing.T) {
	server, gateways := mustRenewNATS(t, nil, start), mustRenewPeers(t, nil, start)
	for name, check := range map[string]struct {
		authority, certificate map[string][]byte
		host                   string
		usage                  x509.ExtKeyUsage
	}{
		"a gateway as NATS":             {server, gateways, natsHosts[0], x509.ExtKeyUsageServerAuth},
		"NATS as a gateway":             {gateways, server, gatewaypeers.ServerName, x509.ExtKeyUsageServerAuth},
		"NATS as a gateway that calls":  {gateways, server, "", x509.ExtKeyUsageClientAuth},
		"NATS as a client of itself":    {server, server, "", x509.ExtKeyUsageClientAuth},
		"the NATS of another service":   {server, mustRenewNATS(t, nil, start), natsHosts[0], x509.ExtKeyUsageServerAuth},
		"NATS by the name of a gateway": {server, server, gatewaypeers.ServerName, x509.ExtKeyUsageServerAuth},
	} {
		if verify(check.authority[keyTrusted], check.certificate[keyServing], check.host, check.usage, start) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestRenewNATSKeepsNothingElse(t *testing.T) {
	data := mustRenewNATS(t, map[string][]byte{"other": []byte("x")}, start)
	if keys := slices.Sorted(maps.Keys(data)); !slices.Equal(keys, []string{keyTrusted, keyAuthority, keyServing, keyServingKey}) {
		t.Errorf("there are %q", keys)
	}
	if _, err := tls.X509KeyPair(data[keyServing], data[keyServingKey]); err != nil {
		t.Error(err)
	}
}
