// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"crypto/x509"
	"time"
)

// natsLife is longer than the validity of others, since NATS reads its certificate when it starts:
// it is restarted for a new one, every 180 days.
const natsLife = 270 * 24 * time.Hour

// natsName is the common name of the certificates of a service's NATS, for people. Gateways and
// programs that publish connect to it. Its authority is not that of the gateways, so that trusting
// one does not mean trusting the other.
const natsName = "realtime-operator NATS"

// RenewNATS returns the data of the Secret for the TLS of a service's own NATS: ca.crt, which
// clients trust, tls.crt and tls.key, all in PEM, and the authority's key. hosts are the names by
// which clients connect. What cannot be decoded is replaced. A new authority is in ca.crt for an
// hour before it signs, so that clients that read ca.crt again when they connect notice nothing.
//
// The servers of a cluster connect to each other, so that their certificate is that of a client
// too. Nobody else gets one, and NATS asks no client for one: only servers are let in as servers.
func RenewNATS(data map[string][]byte, hosts []string, cluster bool, now time.Time) (map[string][]byte, error) {
	ours := only(data, keyTrusted, keyAuthority, keyServing, keyServingKey)
	l := serving(natsName, hosts, natsLife)
	if cluster {
		l.usages = append(l.usages, x509.ExtKeyUsageClientAuth)
	}
	next, _, err := renewAll(ours, natsName, []leaf{l}, now)
	return next, err
}
