// SPDX-License-Identifier: Apache-2.0

// Package bounds bounds what one client can make a server hold and do.
package bounds

import (
	"sync"
	"sync/atomic"
)

// MaxInbox is the capacity of an Inbox, in bytes.
const MaxInbox = 16 << 10

// Inbox bounds the packets that wait for their turn. Safe for concurrent use.
type Inbox struct {
	size atomic.Int64
	mu   sync.Mutex
	// room is closed when the inbox is no longer full; nil if nobody waits for that. Guarded by mu.
	room chan struct{}
}

// Add counts a packet that waits.
func (b *Inbox) Add(size int) { b.size.Add(int64(size)) }

// Remove counts a packet that no longer waits. It reports whether somebody has waited for room.
func (b *Inbox) Remove(size int) (waited bool) {
	left := b.size.Add(-int64(size))
	b.mu.Lock()
	defer b.mu.Unlock()
	waited = b.room != nil
	if waited && left < MaxInbox {
		close(b.room)
		b.room = nil
	}
	return waited
}

// Full returns a channel that is closed when there is room; nil if there is room now.
func (b *Inbox) Full() <-chan struct{} {
	if b.size.Load() < MaxInbox {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size.Load() < MaxInbox {
		return nil
	}
	if b.room == nil {
		b.room = make(chan struct{})
	}
	return b.room
}
