// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"
)

var (
	start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	hosts = []string{"webhook.system.svc", "127.0.0.1"}
)

const day = 24 * time.Hour

// mustRenew renews, and checks what must hold at any time: what is served is trusted.
func mustRenew(t *testing.T, data map[string][]byte, now time.Time) (map[string][]byte, bool) {
	t.Helper()
	next, changed, err := renew(data, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := trusts(next[keyTrusted], next, now); err != nil {
		t.Fatalf("at %v what is served is not trusted: %v", now, err)
	}
	return next, changed
}

// trusts checks a serving certificate as an API server does.
func trusts(trusted []byte, data map[string][]byte, now time.Time) error {
	pair, err := tls.X509KeyPair(data[keyServing], data[keyServingKey])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	for _, host := range hosts {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now}); err != nil {
			return err
		}
	}
	return nil
}

func TestRenewMakesEverythingOnce(t *testing.T) {
	data, changed := mustRenew(t, nil, start)
	if !changed {
		t.Error("making certificates changes nothing")
	}
	again, changed := mustRenew(t, data, start.Add(time.Minute))
	if changed || !bytes.Equal(again[keyServing], data[keyServing]) {
		t.Error("certificates are made anew after a minute")
	}
}

func TestServingCertificateIsReplacedBeforeItEnds(t *testing.T) {
	data, _ := mustRenew(t, nil, start)
	if _, changed := mustRenew(t, data, start.Add(59*day)); changed {
		t.Error("replaced with more than a third of its life left")
	}
	next, changed := mustRenew(t, data, start.Add(61*day))
	if !changed || bytes.Equal(next[keyServing], data[keyServing]) {
		t.Error("not replaced with less than a third of its life left")
	}
	if !bytes.Equal(next[keyTrusted], data[keyTrusted]) {
		t.Error("the authority was replaced too")
	}
}

// TestTenYears renews every day, and has the API server and another replica always a day behind.
func TestTenYears(t *testing.T) {
	data, _ := mustRenew(t, nil, start)
	authorities := 1
	for now := start; now.Before(start.Add(10 * 365 * day)); now = now.Add(day) {
		next, _ := mustRenew(t, data, now)
		if err := trusts(data[keyTrusted], next, now); err != nil {
			t.Fatalf("%v: an API server of yesterday does not trust what is served today: %v", now, err)
		}
		if err := trusts(next[keyTrusted], data, now); err != nil {
			t.Fatalf("%v: what a replica of yesterday serves is not trusted today: %v", now, err)
		}
		if !bytes.Equal(next[keyAuthority], data[keyAuthority]) {
			authorities++
		}
		if n := len(decodeCertificates(next[keyTrusted])); n > 2 {
			t.Fatalf("%v: %d authorities are trusted", now, n)
		}
		data = next
	}
	if authorities < 5 {
		t.Errorf("in ten years there were %d authorities", authorities)
	}
}

func TestRenewRepairs(t *testing.T) {
	sound, _ := mustRenew(t, nil, start)
	other, _ := mustRenew(t, nil, start)
	with := func(key string, value []byte) map[string][]byte {
		data := map[string][]byte{}
		for k, v := range sound {
			data[k] = v
		}
		data[key] = value
		return data
	}
	for name, data := range map[string]map[string][]byte{
		"no authority":                      with(keyTrusted, nil),
		"no authority's key":                with(keyAuthority, nil),
		"another authority's key":           with(keyAuthority, other[keyAuthority]),
		"an authority that cannot be read":  with(keyTrusted, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
		"a key that cannot be read":         with(keyAuthority, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
		"another authority's certificate":   with(keyServing, other[keyServing]),
		"no serving key":                    with(keyServingKey, nil),
		"a serving certificate's other key": with(keyServingKey, other[keyServingKey]),
	} {
		t.Run(name, func(t *testing.T) {
			repaired, changed := mustRenew(t, data, start.Add(time.Minute))
			if !changed {
				t.Error("nothing is repaired")
			}
			if _, changed := mustRenew(t, repaired, start.Add(2*time.Minute)); changed {
				t.Error("it is repaired twice")
			}
		})
	}
}

func TestOtherHostsNeedAnotherCertificate(t *testing.T) {
	data, _, err := renew(nil, []string{"old.system.svc"}, start)
	if err != nil {
		t.Fatal(err)
	}
	if _, changed := mustRenew(t, data, start.Add(time.Minute)); !changed {
		t.Error("the old one stays")
	}
}

func TestAfterALongSleepEverythingIsNew(t *testing.T) {
	data, _ := mustRenew(t, nil, start)
	next, _ := mustRenew(t, data, start.Add(5*365*day))
	if n := len(decodeCertificates(next[keyTrusted])); n != 1 {
		t.Errorf("%d authorities are trusted, one of them dead", n)
	}
}
