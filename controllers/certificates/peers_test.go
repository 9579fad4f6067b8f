// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

func mustRenewPeers(t *testing.T, data map[string][]byte, now time.Time) map[string][]byte {
	t.Helper()
	next, err := RenewPeers(data, now)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// meet has a gateway call another one, each with what it has read.
func meet(t *testing.T, server, client map[string][]byte, now time.Time) error {
	t.Helper()
	_, err := handshake(serverOf(t, server, now), serverOf(t, client, now))
	return err
}

// serverOf is how a gateway takes calls, and how it calls.
func serverOf(t *testing.T, data map[string][]byte, now time.Time) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(data[gatewaypeers.Certificate], data[gatewaypeers.Key])
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(data[gatewaypeers.Authorities])
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: trusted, ClientCAs: trusted,
		ClientAuth: tls.RequireAndVerifyClientCert, ServerName: gatewaypeers.ServerName, Time: func() time.Time { return now },
	}
}

func operatorOf(t *testing.T, data map[string][]byte, now time.Time) *tls.Config {
	t.Helper()
	config, err := OperatorTLS(data)
	if err != nil {
		t.Fatal(err)
	}
	config.Time = func() time.Time { return now }
	return config
}

// handshake returns what the server sees of the client.
func handshake(server, client *tls.Config) (*x509.Certificate, error) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	served, conn := make(chan error, 1), tls.Server(far, server)
	go func() {
		defer far.Close()
		served <- conn.Handshake()
	}()
	called := tls.Client(near, client).Handshake()
	near.Close()
	if err := <-served; err != nil {
		return nil, fmt.Errorf("the server: %w", err)
	}
	if called != nil {
		return nil, called
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}

// accepts is true if a gateway takes ids that another one makes.
func accepts(maker, taker map[string][]byte) bool {
	first, _, _ := strings.Cut(string(maker[gatewaypeers.SessionKeys]), " ")
	return bytes.Contains(taker[gatewaypeers.SessionKeys], []byte(first))
}

// TestGatewaysOfTwoGenerationsMeet renews every day for three years, and always has some gateways a
// day behind.
func TestGatewaysOfTwoGenerationsMeet(t *testing.T) {
	yesterday := mustRenewPeers(t, nil, start)
	leaves, authorities, keys, operators := 0, 0, 0, 0
	for now := start; now.Before(start.Add(3 * 365 * day)); now = now.Add(day) {
		today := mustRenewPeers(t, yesterday, now)
		if maps.EqualFunc(today, yesterday, bytes.Equal) {
			continue
		}
		for _, pair := range [][2]map[string][]byte{{today, yesterday}, {yesterday, today}, {today, today}} {
			if err := meet(t, pair[0], pair[1], now); err != nil {
				t.Fatalf("%v: two gateways do not trust each other: %v", now, err)
			}
			if !accepts(pair[0], pair[1]) {
				t.Fatalf("%v: a session's id is refused", now)
			}
			if _, err := handshake(serverOf(t, pair[0], now), operatorOf(t, pair[1], now)); err != nil {
				t.Fatalf("%v: a gateway and the operator do not trust each other: %v", now, err)
			}
		}
		for key, count := range map[string]*int{gatewaypeers.Certificate: &leaves, keyAuthority: &authorities, gatewaypeers.SessionKeys: &keys, keyOperator: &operators} {
			if !bytes.Equal(today[key], yesterday[key]) {
				*count++
			}
		}
		yesterday = today
	}
	if leaves < 15 || operators < 15 || authorities < 2 || keys < 20 {
		t.Errorf("in three years there were %d and %d certificates, %d authorities and %d changes of session keys", leaves, operators, authorities, keys)
	}
}

func TestSessionKeysStayForAsLongAgain(t *testing.T) {
	data := mustRenewPeers(t, nil, start)
	first, _, _ := strings.Cut(string(data[gatewaypeers.SessionKeys]), " ")
	lines := func() []string {
		return strings.Split(strings.TrimSpace(string(data[gatewaypeers.SessionKeys])), "\n")
	}
	for _, tt := range []struct {
		at    time.Duration
		count int
		place int // of the first key
	}{
		{89 * day, 1, 0},
		{90 * day, 2, 0},
		{90*day + settle - time.Second, 2, 0},
		{90*day + settle, 2, 1},
		{179 * day, 2, 1},
		{181 * day, 2, -1},
	} {
		data = mustRenewPeers(t, data, start.Add(tt.at))
		place := -1
		for i, line := range lines() {
			if strings.HasPrefix(line, first) {
				place = i
			}
		}
		if len(lines()) != tt.count || place != tt.place {
			t.Errorf("after %v there are %d keys, the first of them at %d", tt.at, len(lines()), place)
		}
	}
}

func TestAForeignServiceIsNotTrusted(t *testing.T) {
	one, other := mustRenewPeers(t, nil, start), mustRenewPeers(t, nil, start)
	if meet(t, one, other, start) == nil || meet(t, other, one, start) == nil {
		t.Error("two services trust each other's gateways")
	}
	hook, _ := mustRenew(t, nil, start)
	hook[gatewaypeers.Authorities] = one[gatewaypeers.Authorities]
	if meet(t, one, hook, start) == nil {
		t.Error("the webhook's certificate is taken for a gateway's")
	}
}

func TestOnlyTheOperatorHasItsName(t *testing.T) {
	data := mustRenewPeers(t, nil, start)
	operator, err := handshake(serverOf(t, data, start), operatorOf(t, data, start))
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.VerifyHostname(gatewaypeers.OperatorName); err != nil {
		t.Error(err)
	}
	if operator.VerifyHostname(gatewaypeers.ServerName) == nil {
		t.Error("the operator's certificate is taken for a gateway's")
	}
	gateway, err := handshake(serverOf(t, data, start), serverOf(t, data, start))
	if err != nil {
		t.Fatal(err)
	}
	if gateway.VerifyHostname(gatewaypeers.OperatorName) == nil {
		t.Error("a gateway's certificate is taken for the operator's")
	}

	posing := operatorOf(t, data, start)
	posing.ClientAuth, posing.ClientCAs = tls.RequireAndVerifyClientCert, posing.RootCAs
	if _, err := handshake(posing, serverOf(t, data, start)); err == nil {
		t.Error("the operator's certificate serves as a gateway's")
	}
	other := mustRenewPeers(t, nil, start)
	if _, err := handshake(serverOf(t, data, start), operatorOf(t, other, start)); err == nil {
		t.Error("another service's operator is trusted")
	}
}

// As the Secret of a release that pushed nothing.
func TestTheOperatorsCertificateIsAddedToASecretWithout(t *testing.T) {
	sound := mustRenewPeers(t, nil, start)
	old := maps.Clone(sound)
	delete(old, keyOperator)
	delete(old, keyOperatorKey)
	next := mustRenewPeers(t, old, start.Add(day))
	if _, err := handshake(serverOf(t, sound, start.Add(day)), operatorOf(t, next, start.Add(day))); err != nil {
		t.Error(err)
	}
	for key := range old {
		if !bytes.Equal(next[key], old[key]) {
			t.Errorf("%s has changed", key)
		}
	}
}

func TestSessionKeysThatCannotBeReadAreMadeAnew(t *testing.T) {
	sound := mustRenewPeers(t, nil, start)
	for name, keys := range map[string]string{"none": "", "no time": "QUJD", "too short": "QUJD 2026-11-23T12:00:00Z", "no base64": "?? 2026-11-23T12:00:00Z"} {
		data := maps.Clone(sound)
		data[gatewaypeers.SessionKeys] = []byte(keys)
		if got := decodeSessionKeys(mustRenewPeers(t, data, start)[gatewaypeers.SessionKeys]); len(got) != 1 {
			t.Errorf("%s: there are %d keys", name, len(got))
		}
	}
}
