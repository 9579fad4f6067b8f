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

// The keys of the Secret. The serving certificate is where every reader of a TLS Secret looks for it.
const (
	// keyTrusted holds the certificates of all authorities that are trusted, the newest first.
	keyTrusted = "ca.crt"
	// keyAuthority is the newest authority's key.
	keyAuthority  = "ca.key"
	keyServing    = "tls.crt"
	keyServingKey = "tls.key"
)

// settle is how long a new authority is announced before it signs what is served: until then an API server may not have
// heard of it, or another replica may not.
const settle = time.Hour

// renew returns the webhook's certificates.
func renew(data map[string][]byte, hosts []string, now time.Time) (map[string][]byte, bool, error) {
	return webhook.renew(data, hosts, now)
}

// renew returns a Secret's data as they should be now, and whether they have changed. What cannot be read is made anew.
//
// An authority and a serving certificate are replaced when two thirds of their lives are over. A new authority is trusted
// beside the old one; it signs the next serving certificate, when all have heard of it. So at no time is something served
// that somebody does not trust.
func (p purpose) renew(data map[string][]byte, hosts []string, now time.Time) (map[string][]byte, bool, error) {
	next := maps.Clone(data)
	if next == nil {
		next = map[string][]byte{}
	}
	trusted := slices.DeleteFunc(decodeCertificates(data[keyTrusted]), func(c *x509.Certificate) bool {
		return now.After(c.NotAfter)
	})
	newest, err := p.newestAuthority(next, trusted, now)
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

	usable, due := p.servingState(next, trusted, hosts, now)
	settled := now.Sub(newest.certificate.NotBefore) >= settle+skew
	if !usable || due && settled {
		if next[keyServing], next[keyServingKey], err = newest.issue(hosts, now); err != nil {
			return nil, false, err
		}
	}
	return next, !maps.EqualFunc(data, next, bytes.Equal), nil
}

// only are the data of some keys, where there are any.
func only(data map[string][]byte, keys ...string) map[string][]byte {
	found := map[string][]byte{}
	for _, key := range keys {
		if value, ok := data[key]; ok {
			found[key] = value
		}
	}
	return found
}

// newestAuthority is the one that the data hold, or a new one if that is old or cannot be read.
func (p purpose) newestAuthority(data map[string][]byte, trusted []*x509.Certificate, now time.Time) (*authority, error) {
	key, err := decodeKey(data[keyAuthority])
	if err != nil || len(trusted) == 0 || ageing(trusted[0], now) || !sameKey(trusted[0], key.Public()) {
		return newAuthority(p, now)
	}
	return &authority{p, trusted[0], key}, nil
}

func sameKey(c *x509.Certificate, public crypto.PublicKey) bool {
	key, ok := public.(*ecdsa.PublicKey)
	return ok && key.Equal(c.PublicKey)
}

// ageing is true when two thirds of a certificate's life are over.
func ageing(c *x509.Certificate, now time.Time) bool {
	life := c.NotAfter.Sub(c.NotBefore)
	return now.After(c.NotBefore.Add(life * 2 / 3))
}

// servingState says whether the serving certificate can be used, and whether it is due to be replaced.
func (p purpose) servingState(data map[string][]byte, trusted []*x509.Certificate, hosts []string, now time.Time) (usable, due bool) {
	pair, err := tls.X509KeyPair(data[keyServing], data[keyServingKey])
	if err != nil {
		return false, true
	}
	roots := x509.NewCertPool()
	for _, c := range trusted {
		roots.AddCert(c)
	}
	for _, host := range hosts {
		for _, usage := range p.usages {
			options := x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}
			if _, err := pair.Leaf.Verify(options); err != nil {
				return false, true
			}
		}
	}
	return true, ageing(pair.Leaf, now)
}
