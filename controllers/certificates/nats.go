// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"crypto/x509"
	"time"
)

// natsLife is longer than that of others, since NATS reads its certificate when it starts: it is
// restarted for a new one, every 180 days.
const natsLife = 270 * 24 * time.Hour

// nats is for the NATS of a service, which gateways and programs that publish call. Its authority
// is not that of the gateways: who trusts one trusts nothing of the other.
var nats = purpose{"realtime-operator NATS", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, natsLife}

// RenewNATS returns what a service's own NATS shows to its clients as it should be now: ca.crt,
// which they trust, tls.crt and tls.key, all in PEM, and AuthorityKey. Hosts are the names by which
// they call it. What cannot be read is replaced. A new authority is in ca.crt for an hour before it
// signs, so that clients that read it again when they connect notice nothing.
func RenewNATS(data map[string][]byte, hosts []string, now time.Time) (map[string][]byte, error) {
	next, _, err := nats.renew(only(data, keyTrusted, keyAuthority, keyServing, keyServingKey), hosts, now)
	return next, err
}
