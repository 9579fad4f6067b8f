// SPDX-License-Identifier: Apache-2.0

package bounds

import "time"

// Bucket is the time at which all that was taken from it is earned, in nanoseconds since 1970.
type Bucket int64

// Take takes n, and returns false if more than atOnce would be taken without being earned.
func (b *Bucket) Take(now time.Time, n, perSecond, atOnce int) bool {
	each := int64(time.Second) / int64(perSecond)
	until := max(int64(*b), now.UnixNano()) + int64(n)*each
	if until-now.UnixNano() > int64(atOnce)*each {
		return false
	}
	*b = Bucket(until)
	return true
}
