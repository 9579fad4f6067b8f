// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/bounds"
)

// How many more namespaces and rooms a connection may join at once than it may be in, since it
// leaves some and joins others.
const (
	moreNamespaces = 64
	moreRooms      = 100
)

// Limits are the limits in force on a server.
type Limits struct {
	client.Limits
	// Paced reports whether they have been set. Then they also bound how fast namespaces and rooms
	// are joined. The server of an application that sets none has no such bound, like the
	// reference.
	Paced bool
}

// rare has the parts that few connections need.
type rare struct {
	inbox bounds.Inbox
	// backlog is the number of waiting bytes that the connection's sockets have missed.
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

// takeConnect reports whether the connection may join another namespace now: a burst of as many as
// it may be in and 64 more, and a quarter of that per second, but at least 4. The lock is held.
func (c *Conn[S]) takeConnect(now time.Time) bool {
	if !c.greeted { // most join one namespace, and need no bucket
		c.greeted = true
		return true
	}
	l := c.host.Limits.Load()
	if !l.Paced {
		return true
	}
	return c.needRare().paced.connects.Take(now, 1, max(4, l.Namespaces/4), l.Namespaces+moreNamespaces)
}

// TakeJoins reports whether the connection may join n rooms now, and counts them; see
// Socket.TakeJoins of package socketio.
func (c *Conn[S]) TakeJoins(n int) bool {
	most := c.host.Limits.Load().Rooms
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.needRare().paced.joins.Take(time.Now(), n, max(10, most/10), most+moreRooms)
}

// AddBacklog adds to the number of waiting bytes that the connection's sockets have missed, and
// returns the sum.
func (c *Conn[S]) AddBacklog(size int64) int64 { return c.needRare().backlog.Add(size) }

// buckets bound how fast a connection joins namespaces and rooms.
type buckets struct{ connects, joins bounds.Bucket }
