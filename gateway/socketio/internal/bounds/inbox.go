// SPDX-License-Identifier: Apache-2.0

// Package bounds bounds what one client can have a server hold and do.
package bounds

import (
	"sync"
	"sync/atomic"
)

// MaxInbox is what may wait in an Inbox, in bytes.
const MaxInbox = 16 << 10

// Inbox bounds what waits for its turn. Safe for concurrent use.
type Inbox struct {
	size atomic.Int64
	mu   sync.Mutex
	// room is closed when there is some; nil if nobody waits for that. Guarded by mu.
	room chan struct{}
}

// Add adds something that waits.
func (b *Inbox) Add(size int) { b.size.Add(int64(size)) }

// Remove takes off what has its turn now. It tells whether somebody waits for room.
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

// Full returns what is closed when there is room, nil if there is some.
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
