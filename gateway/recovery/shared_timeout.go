// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"sync"
	"time"
)

// sharedFor is how long new callers share a context.
const sharedFor = 100 * time.Millisecond

// sharedTimeout makes contexts that end recoverTimeout after they were made, or up to sharedFor
// earlier. A context with its timer and channel takes 400 bytes, so clients that return at the same
// time share one. All have the same parent. Safe for concurrent use.
type sharedTimeout struct {
	mu   sync.Mutex
	made time.Time       // guarded by mu
	last context.Context //nolint:containedctx // what is shared; guarded by mu
}

func (s *sharedTimeout) context(parent context.Context) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.last == nil || now.Sub(s.made) > sharedFor {
		ctx, cancel := context.WithTimeout(parent, recoverTimeout)
		context.AfterFunc(ctx, cancel) // no caller ends it
		s.last, s.made = ctx, now
	}
	return s.last
}
