// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"container/list"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// defaultHistoryBytes is Recovery.HistoryBytes if that is zero.
	defaultHistoryBytes = 64 << 20
	// storedMessageBytes is what a message takes in memory apart from its data.
	storedMessageBytes = 256
)

// historyCache bounds what the histories of all rooms of a gateway take. Beyond the bound those go that nobody has asked for
// for the longest, as a whole, and are read from the log again when somebody does. Safe for concurrent use. No other lock is taken
// under its own.
type historyCache struct {
	limit int
	// evictions counts those that had to go.
	evictions atomic.Uint64

	mu    sync.Mutex
	bytes int // guarded by mu
	// rooms has a *roomHistory for each room that is watched, the one that was asked for last in front. Guarded by mu.
	rooms list.List
}

// cached is the state of a room in the cache, whose lock guards it.
type cached struct {
	bytes int
	place *list.Element // nil: it is not in the cache, any more or at all
	// users are those who read it now, or wait for that: until they have it, it stays.
	users int
}

// use takes a room for somebody who reads it, until done. It is false for one that has been evicted.
func (c *historyCache) use(r *roomHistory) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.cached.place == nil {
		return false
	}
	r.cached.users++
	c.rooms.MoveToFront(r.cached.place)
	return true
}

func (c *historyCache) done(r *roomHistory) {
	c.mu.Lock()
	r.cached.users--
	c.mu.Unlock()
	c.evict()
}

// add takes a room that is watched from now on.
func (c *historyCache) add(r *roomHistory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.cached.place = c.rooms.PushFront(r)
}

// remove takes a room out that is not watched any more.
func (c *historyCache) remove(r *roomHistory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(r)
}

// drop is called with the lock held.
func (c *historyCache) drop(r *roomHistory) {
	if r.cached.place == nil {
		return
	}
	c.rooms.Remove(r.cached.place)
	c.bytes -= r.cached.bytes
	r.cached.place, r.cached.bytes = nil, 0
}

// grown is told how much more a room takes, or less.
func (c *historyCache) grown(r *roomHistory, by int) {
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

// evict keeps to the bound. What is left beyond it is of rooms that are being read.
func (c *historyCache) evict() {
	for _, r := range c.beyond() {
		r.owner.evicted(r)
	}
}

// beyond takes out the rooms that are beyond the bound. The one that was asked for last stays, however much it has.
func (c *historyCache) beyond() []*roomHistory {
	c.mu.Lock()
	defer c.mu.Unlock()
	var gone []*roomHistory
	for e := c.rooms.Back(); e != nil && e != c.rooms.Front() && c.bytes > c.limit; {
		r := e.Value.(*roomHistory) //nolint:forcetypeassert // add puts no other in
		e = e.Prev()
		if r.cached.users == 0 && r.cached.bytes > 0 {
			c.drop(r)
			c.evictions.Add(1)
			gone = append(gone, r)
		}
	}
	return gone
}

// size is how much all rooms take.
func (c *historyCache) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

func historyMetrics(c *Cluster) []prometheus.Collector {
	histories := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_history_bytes", Help: "Memory that the histories of rooms take on this gateway.",
	}, func() float64 {
		if c.events == nil {
			return 0
		}
		return float64(c.events.histories.size())
	})
	evicted := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "realtime_histories_evicted_total",
		Help: "Histories of rooms that this gateway had no room for any more, and reads from the log when they are asked for.",
	}, func() float64 {
		if c.events == nil {
			return 0
		}
		return float64(c.events.histories.evictions.Load())
	})
	return []prometheus.Collector{histories, evicted}
}
