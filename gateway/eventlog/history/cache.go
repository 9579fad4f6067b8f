// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"container/list"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// DefaultBytes is the default bound of a cache.
	DefaultBytes = 64 << 20
	// storedMessageBytes is the size of a message in memory without its data.
	storedMessageBytes = 256
)

// Cache bounds the memory of the histories of all rooms of a gateway. Beyond the bound, the
// histories that have not been used for the longest are evicted as a whole, and read from the log
// again when they are needed. Safe for concurrent use. No other lock is taken while its own is
// held.
type Cache struct {
	// reads has an entry for each history that is being read.
	reads chan struct{}
	// evictions counts evicted histories.
	evictions atomic.Uint64

	mu    sync.Mutex
	limit int // guarded by mu
	bytes int // guarded by mu
	// rooms has a *Room for each watched room, the last used in front. Guarded by mu.
	rooms list.List
}

// NewCache makes a cache of that many bytes; of DefaultBytes if zero.
func NewCache(limit int) *Cache {
	return &Cache{limit: cmp.Or(limit, DefaultBytes), reads: make(chan struct{}, readsAtOnce)}
}

// SetLimit changes the bound.
func (c *Cache) SetLimit(bytes int) {
	c.mu.Lock()
	c.limit = bytes
	c.mu.Unlock()
	c.evict()
}

// cached is the state of a room in the cache, guarded by the cache's lock.
type cached struct {
	bytes int
	place *list.Element // nil: not in the cache, or not any more
	// users is the number of callers that read the room now, or wait for that: until they are done,
	// it stays.
	users int
}

// use keeps a room for a caller that reads it, until done. It returns false if the room has been
// evicted.
func (c *Cache) use(r *Room) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.cached.place == nil {
		return false
	}
	r.cached.users++
	c.rooms.MoveToFront(r.cached.place)
	return true
}

func (c *Cache) done(r *Room) {
	c.mu.Lock()
	r.cached.users--
	c.mu.Unlock()
	c.evict()
}

// add adds a room that is watched from now on.
func (c *Cache) add(r *Room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.cached.place = c.rooms.PushFront(r)
}

// remove removes a room that is not watched any more.
func (c *Cache) remove(r *Room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(r)
}

// drop is called with the lock held.
func (c *Cache) drop(r *Room) {
	if r.cached.place == nil {
		return
	}
	c.rooms.Remove(r.cached.place)
	c.bytes -= r.cached.bytes
	r.cached.place, r.cached.bytes = nil, 0
}

// grown is called with the change of a room's size.
func (c *Cache) grown(r *Room, by int) {
	if by == 0 {
		return
	}
	c.mu.Lock()
	counted := r.cached.place != nil
	if counted {
		r.cached.bytes += by
		c.bytes += by
	}
	over := c.bytes > c.limit
	c.mu.Unlock()
	if over {
		c.evict()
	}
}

// evict enforces the bound. What remains beyond it belongs to rooms that are being read.
func (c *Cache) evict() {
	for _, r := range c.beyond() {
		r.owner.evicted(r)
	}
}

// beyond removes the rooms that are beyond the bound. The last used room stays, whatever its size.
func (c *Cache) beyond() []*Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	var gone []*Room
	for e := c.rooms.Back(); e != nil && e != c.rooms.Front() && c.bytes > c.limit; {
		r := e.Value.(*Room) //nolint:forcetypeassert // add puts no other in
		e = e.Prev()
		if r.cached.users == 0 && r.cached.bytes > 0 {
			c.drop(r)
			c.evictions.Add(1)
			gone = append(gone, r)
		}
	}
	return gone
}

// Size returns the size of all rooms, in bytes.
func (c *Cache) Size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

// Collectors returns the metrics of a gateway's cache; nil stands for a service without histories.
func Collectors(c *Cache) []prometheus.Collector {
	bytes := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_history_bytes", Help: "Memory that the histories of rooms take on this gateway.",
	}, func() float64 {
		if c == nil {
			return 0
		}
		return float64(c.Size())
	})
	evicted := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "realtime_histories_evicted_total",
		Help: "Histories of rooms that this gateway had no room for any more, and reads from the log when they are asked for.",
	}, func() float64 {
		if c == nil {
			return 0
		}
		return float64(c.evictions.Load())
	})
	return []prometheus.Collector{bytes, evicted}
}
