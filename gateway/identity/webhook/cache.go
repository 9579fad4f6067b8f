// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"
)

// questionSum is the hash of a question, which has a token in it.
type questionSum [sha256.Size]byte

// cache keeps verdicts by the hashes of questions. The one that was not used for longest goes when
// there is no room. Safe for concurrent use.
type cache struct {
	most int

	mu      sync.Mutex
	entries map[questionSum]*list.Element // guarded by mu
	recent  *list.List                    // of *entry, the last used first; guarded by mu
}

type entry struct {
	sum     questionSum
	verdict *verdict
	until   time.Time
}

func newCache(most int) *cache {
	return &cache{most: most, entries: map[questionSum]*list.Element{}, recent: list.New()}
}

// get returns a verdict that may be used now; nil if there is none.
func (c *cache) get(sum questionSum, now time.Time) *verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[sum]
	if element == nil {
		return nil
	}
	e := element.Value.(*entry)
	if !now.Before(e.until) {
		c.remove(element)
		return nil
	}
	c.recent.MoveToFront(element)
	return e.verdict
}

// put keeps a verdict until a time.
func (c *cache) put(sum questionSum, v *verdict, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.entries[sum]; element != nil {
		c.remove(element)
	}
	c.entries[sum] = c.recent.PushFront(&entry{sum, v, until})
	if len(c.entries) > c.most {
		c.remove(c.recent.Back())
	}
}

// remove forgets an element. mu is held.
func (c *cache) remove(element *list.Element) {
	delete(c.entries, c.recent.Remove(element).(*entry).sum)
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}
