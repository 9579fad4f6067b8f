// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/bounds"
)

// How many more namespaces and rooms a connection may join at once than it may be in: some are left, and others joined.
const (
	moreNamespaces = 64
	moreRooms      = 100
)

// Limits are those in force on a server.
type Limits struct {
	client.Limits
	// Paced: somebody has set them, so that they bound how fast namespaces and rooms are joined, too. An
	// application's own server has no such bound, as the reference has none.
	Paced bool
}

// rare is what few connections need.
type rare struct {
	inbox bounds.Inbox
	// backlog is how many bytes wait of what the connection's sockets have missed.
	backlog atomic.Int64
	// paced is for clients that do more than join one namespace. Guarded by the connection's mu.
	paced buckets
}

func (c *Conn[S]) needRare() *rare {
	if r := c.rare.Load(); r != nil {
		return r
	}
	c.rare.CompareAndSwap(nil, &rare{})
	return c.rare.Load()
}

func (c *Conn[S]) inbox() *bounds.Inbox { return &c.needRare().inbox }

// takeConnect tells whether the connection may join another namespace now: as many as it may be in and 64 more at once, and a
// quarter of that, but 4 at least, in each second. The lock is held.
func (c *Conn[S]) takeConnect(now time.Time) bool {
	if !c.greeted { // most join one and no more, and keep no bucket
		c.greeted = true
		return true
	}
	l := c.host.Limits.Load()
	if !l.Paced {
		return true
	}
	return c.needRare().paced.connects.Take(now, 1, max(4, l.Namespaces/4), l.Namespaces+moreNamespaces)
}

// TakeJoins tells whether the connection may join so many rooms now, and counts them; see Socket.TakeJoins of package
// socketio.
func (c *Conn[S]) TakeJoins(n int) bool {
	most := c.host.Limits.Load().Rooms
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.needRare().paced.joins.Take(time.Now(), n, max(10, most/10), most+moreRooms)
}

// AddBacklog counts bytes that wait of what the connection's sockets have missed. It returns how many they are then.
func (c *Conn[S]) AddBacklog(size int64) int64 { return c.needRare().backlog.Add(size) }

// buckets are what bounds how fast a connection does what is not free.
type buckets struct{ connects, joins bounds.Bucket }
