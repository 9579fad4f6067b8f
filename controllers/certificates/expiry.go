// SPDX-License-Identifier: Apache-2.0

package certificates

import "time"

// Expiry returns when the first of the certificates expires that the data of a Secret of this
// package has for use; authorities, which last longer, do not count. ok is false if there is none.
func Expiry(data map[string][]byte) (first time.Time, ok bool) {
	for _, key := range []string{keyServing, keyOperator} {
		for _, c := range decodeCertificates(data[key]) {
			if !ok || c.NotAfter.Before(first) {
				first, ok = c.NotAfter, true
			}
		}
	}
	return first, ok
}
