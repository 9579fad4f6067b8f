// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"slices"
	"time"
)

// The keys of the Secret. The serving certificate has the names that readers of a TLS Secret
// expect.
const (
	// keyTrusted has the certificates of all trusted authorities, the newest first.
	keyTrusted = "ca.crt"
	// keyAuthority has the newest authority's key.
	keyAuthority  = "ca.key"
	keyServing    = "tls.crt"
	keyServingKey = "tls.key"
)

// settle is how long a new authority is published before it signs certificates that are served:
// until then an API server, or another replica, may not have read it.
const settle = time.Hour

// webhookName is the common name of the webhook's certificates, for people.
const webhookName = "realtime-operator webhook"

// renew returns the webhook's certificates, which the API server trusts when it calls the operator
// by one of hosts.
func renew(data map[string][]byte, hosts []string, now time.Time) (map[string][]byte, bool, error) {
	return renewAll(data, webhookName, []leaf{serving(webhookName, hosts, leafLife)}, now)
}

// serving returns the leaf of a TLS server, under the keys that readers of a TLS Secret expect.
func serving(name string, hosts []string, life time.Duration) leaf {
	return leaf{
		name: name, certificate: keyServing, key: keyServingKey, hosts: hosts,
		usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, life: life,
	}
}

// renewAll returns the present data of a Secret, and whether they have changed. What cannot be
// decoded is replaced.
//
// An authority and its leaves are replaced after two thirds of their validity. A new authority is
// trusted in addition to the old one first, and signs leaves only after all peers have read it. So
// no peer ever receives a certificate that it does not trust yet.
func renewAll(data map[string][]byte, name string, leaves []leaf, now time.Time) (map[string][]byte, bool, error) {
	next := maps.Clone(data)
	if next == nil {
		next = map[string][]byte{}
	}
	trusted := slices.DeleteFunc(decodeCertificates(data[keyTrusted]), func(c *x509.Certificate) bool {
		return now.After(c.NotAfter)
	})
	newest, err := newestAuthority(next, name, trusted, now)
	if err != nil {
		return nil, false, err
	}
	if len(trusted) == 0 || !trusted[0].Equal(newest.certificate) {
		trusted = slices.Insert(trusted, 0, newest.certificate)
		if next[keyAuthority], err = encodeKey(newest.key); err != nil {
			return nil, false, err
		}
	}
	next[keyTrusted] = encodeCertificates(trusted)

	settled := now.Sub(newest.certificate.NotBefore) >= settle+skew
	for _, l := range leaves {
		usable, due := l.state(next, trusted, now)
		if usable && !(due && settled) {
			continue
		}
		if next[l.certificate], next[l.key], err = newest.issue(l, now); err != nil {
			return nil, false, err
		}
	}
	return next, !maps.EqualFunc(data, next, bytes.Equal), nil
}

// only returns the data of some keys, as far as they exist.
func only(data map[string][]byte, keys ...string) map[string][]byte {
	found := map[string][]byte{}
	for _, key := range keys {
		if value, ok := data[key]; ok {
			found[key] = value
		}
	}
	return found
}

// newestAuthority returns the authority in the data, or a new one if that is old or cannot be
// decoded.
func newestAuthority(data map[string][]byte, name string, trusted []*x509.Certificate, now time.Time) (*authority, error) {
	key, err := decodeKey(data[keyAuthority])
	if err != nil || len(trusted) == 0 || ageing(trusted[0], now) || !sameKey(trusted[0], key.Public()) {
		return newAuthority(name, now)
	}
	return &authority{trusted[0], key}, nil
}

func sameKey(c *x509.Certificate, public crypto.PublicKey) bool {
	key, ok := public.(*ecdsa.PublicKey)
	return ok && key.Equal(c.PublicKey)
}

// ageing reports whether two thirds of a certificate's validity are over.
func ageing(c *x509.Certificate, now time.Time) bool {
	life := c.NotAfter.Sub(c.NotBefore)
	return now.After(c.NotBefore.Add(life * 2 / 3))
}

// state reports whether the leaf in the data can be used, and whether it is due to be replaced.
func (l leaf) state(data map[string][]byte, trusted []*x509.Certificate, now time.Time) (usable, due bool) {
	pair, err := tls.X509KeyPair(data[l.certificate], data[l.key])
	if err != nil {
		return false, true
	}
	roots := x509.NewCertPool()
	for _, c := range trusted {
		roots.AddCert(c)
	}
	for _, host := range l.hosts {
		for _, usage := range l.usages {
			options := x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}
			if _, err := pair.Leaf.Verify(options); err != nil {
				return false, true
			}
		}
	}
	return true, ageing(pair.Leaf, now)
}
