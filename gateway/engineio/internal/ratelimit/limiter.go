// SPDX-License-Identifier: Apache-2.0

// Package ratelimit limits how often something may happen, by a token bucket whose rate can change.
package ratelimit

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limiter is a token bucket. The zero value does not limit anything. Its methods may be called from
// any goroutine, Set from one at a time.
type Limiter struct{ bucket atomic.Pointer[rate.Limiter] }

// Set changes the tokens per second, 0 for no limit, and how many the bucket holds. The bucket
// keeps its tokens, so a change is no way around the limit; a new one is full.
func (l *Limiter) Set(perSecond, burst int) {
	bucket, limit := l.bucket.Load(), rate.Limit(perSecond)
	switch {
	case perSecond == 0:
		l.bucket.Store(nil)
	case bucket == nil:
		l.bucket.Store(rate.NewLimiter(limit, burst))
	default:
		bucket.SetBurst(burst)
		bucket.SetLimit(limit)
	}
}

// Take takes a token. It reports whether there was one.
func (l *Limiter) Take(now time.Time) bool {
	bucket := l.bucket.Load()
	return bucket == nil || bucket.AllowN(now, 1)
}

// HasToken reports whether Take would take a token.
func (l *Limiter) HasToken(now time.Time) bool {
	bucket := l.bucket.Load()
	return bucket == nil || bucket.TokensAt(now) >= 1
}
