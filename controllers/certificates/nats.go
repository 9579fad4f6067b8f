// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"time"
)

// natsLife is longer than that of others, since NATS reads its certificate when it starts: it is
// restarted for a new one, every 180 days.
const natsLife = 270 * 24 * time.Hour

// natsName is what the certificates of a service's NATS are called, for people. Gateways and
// programs that publish call it. Its authority is not that of the gateways: who trusts one trusts
// nothing of the other.
const natsName = "realtime-operator NATS"

// RenewNATS returns what a service's own NATS shows to its clients as it should be now: ca.crt,
// which they trust, tls.crt and tls.key, all in PEM, and the authority's key. Hosts are the names
// by which they call it. What cannot be read is replaced. A new authority is in ca.crt for an hour
// before it signs, so that clients that read it again when they connect notice nothing.
func RenewNATS(data map[string][]byte, hosts []string, now time.Time) (map[string][]byte, error) {
	ours := only(data, keyTrusted, keyAuthority, keyServing, keyServingKey)
	next, _, err := renewAll(ours, natsName, []leaf{serving(natsName, hosts, natsLife)}, now)
	return next, err
}
