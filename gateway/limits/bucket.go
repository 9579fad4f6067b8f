// SPDX-License-Identifier: Apache-2.0

package limits

import "time"

// Action is what becomes of an event over a limit; a higher one is stricter.
type Action int

// The actions, in the order of their strictness.
const (
	Drop Action = iota
	Reject
	Disconnect
)

// Limit is a rate with a burst. It does not change.
type Limit struct {
	// Name is where the manifest has the limit, below spec.limits.
	Name string
	// Rate is how much is earned per second, and Burst is how much there may be at once. Both are
	// events or bytes.
	Rate, Burst int64
	Action      Action
	// Audit lets everything through, and reports what is over the limit.
	Audit bool

	// each and full are the times of one and of a burst; set by Rules.Prepare.
	each, full int64
}

func (l *Limit) prepare() {
	if l != nil {
		l.each, l.full = l.time(1), l.time(l.Burst)
	}
}

// time returns in how many nanoseconds n are earned. It rounds down, so that all of a burst takes
// no longer than its parts.
func (l *Limit) time(n int64) int64 { return n * int64(time.Second) / l.Rate }

// amount is the inverse of time.
func (l *Limit) amount(nanoseconds int64) int64 {
	seconds, rest := nanoseconds/int64(time.Second), nanoseconds%int64(time.Second)
	return seconds*l.Rate + rest*l.Rate/int64(time.Second)
}

// bucket is when all that was taken from it is earned again, in nanoseconds of Users.Now. The zero
// value is full.
type bucket int64

// wait returns in how many nanoseconds what takes a time to be earned may be taken; 0 or less: now.
func (b bucket) wait(l *Limit, now, cost int64) int64 {
	return max(int64(b)-now, 0) + min(cost, l.full) - l.full
}

// take takes what takes a time to be earned, even if that is too much.
func (b *bucket) take(now, cost int64) { *b = bucket(max(int64(*b), now) + cost) }

// owed returns how much is not earned yet.
func (b bucket) owed(l *Limit, now int64) int64 { return l.amount(max(int64(b)-now, 0)) }

// turn makes the bucket of one limit that of another, which owes as much, but at most a burst. Each
// of them may be nil.
func (b *bucket) turn(from, to *Limit, now int64) {
	if from == nil || to == nil {
		*b = 0
		return
	}
	owed := min(b.owed(from, now), to.Burst)
	*b = bucket(now + to.time(owed))
}
