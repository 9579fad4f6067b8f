// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// MaxPage bounds the members of a page.
const MaxPage = 1000

// maxPageBytes is the approximate maximum size of a page, unless a single member is larger. A
// gateway that asks all others receives as much from each of them.
const maxPageBytes = 128 << 10

// size returns the approximate size of the member on a page.
func (m *Member) size() int { return len(m.ID) + len(m.Info) + len(`{"id":"","info":},`) }

// syncTime is how long a gateway that has just subscribed to a room, or has reconnected to NATS,
// asks the others rather than answer from its own list: their snapshots may be on their way.
const syncTime = 2 * time.Second

// Page has members of a room, in the order of their ids.
type Page struct {
	Room string `json:"room"`
	// Count is the number of all members.
	Count   int      `json:"count"`
	Members []Member `json:"members"`
	// Next is the id after which the next page begins; empty if there is none.
	Next string `json:"next,omitempty"`
	// Partial means that other gateways were unreachable: members on them may be missing, or gone.
	Partial bool `json:"partial,omitempty"`
}

func (p *Page) continueIf(more bool) {
	if more && len(p.Members) > 0 {
		p.Next = p.Members[len(p.Members)-1].ID
	}
}

// Page returns up to limit members of a room after an id, at most MaxPage, and no more than 128
// KiB; with a limit of 0 it only counts. A gateway without a member in the room asks the others,
// until the context ends. With an error that is not ErrNotTracked, the page is partial.
func (t *Tracker) Page(ctx context.Context, room, after string, limit int) (Page, error) {
	if !t.tracks(room) {
		return Page{Room: room, Members: []Member{}}, fmt.Errorf("list the members of %.128q: %w", room, ErrNotTracked)
	}
	limit = min(max(limit, 0), MaxPage)
	if t.link == nil {
		return t.held(room, after, limit, false), nil
	}
	if t.complete(room, time.Now()) && t.link.Connected() {
		return t.held(room, after, limit, false), nil
	}
	others, err := t.link.Pages(ctx, room, after, limit)
	if err == nil {
		return merge(append(others, t.LocalPage(room, after, limit)), room, limit), nil
	}
	var p Page
	if t.Holds(room) {
		p = t.held(room, after, limit, false)
	} else {
		p = merge(others, room, limit)
	}
	p.Partial = true
	return p, fmt.Errorf("ask other gateways for the members of %.128q: %w", room, err)
}

// LocalPage returns the members on this gateway only.
func (t *Tracker) LocalPage(room, after string, limit int) Page {
	return t.held(room, after, min(max(limit, 0), MaxPage), true)
}

// complete reports whether this gateway knows the members on all gateways.
func (t *Tracker) complete(room string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rooms[room]
	return r != nil && r.state == roomListening && now.Sub(r.since) >= syncTime
}

func (t *Tracker) held(name, after string, limit int, local bool) Page {
	p := Page{Room: name, Members: []Member{}}
	t.mu.Lock()
	r := t.rooms[name]
	t.mu.Unlock()
	if r == nil {
		return p
	}
	t.refreshInfos(r) // the caller may have joined a moment ago
	t.mu.Lock()
	defer t.mu.Unlock()
	return r.pageOf(after, limit, local)
}

// pageOf is called with mu held.
func (r *room) pageOf(after string, limit int, local bool) Page {
	p := Page{Room: r.name, Count: len(r.members), Members: []Member{}}
	if local {
		p.Count = r.local
	}
	i, found := slices.BinarySearchFunc(r.byID, after, compareID)
	if found {
		i++
	}
	bytes := 0
	for _, m := range r.byID[i:] {
		if local && m.gateway != "" {
			continue
		}
		bytes += m.size()
		if len(p.Members) == limit || bytes > maxPageBytes && len(p.Members) > 0 {
			p.continueIf(true)
			break
		}
		p.Members = append(p.Members, m.Member)
	}
	return p
}

// merge merges the pages of several gateways.
func merge(pages []Page, room string, limit int) Page {
	all := Page{Room: room, Members: []Member{}}
	end := "" // the id after which some pages are incomplete
	for _, p := range pages {
		all.Count += p.Count
		all.Members = append(all.Members, p.Members...)
		if p.Next != "" && (end == "" || p.Next < end) {
			end = p.Next
		}
	}
	slices.SortFunc(all.Members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	n, bytes := 0, 0
	for ; n < len(all.Members) && n < limit && (end == "" || all.Members[n].ID <= end); n++ {
		if bytes += all.Members[n].size(); bytes > maxPageBytes && n > 0 {
			break
		}
	}
	more := end != "" || n < len(all.Members)
	all.Members = all.Members[:n]
	all.continueIf(more)
	return all
}
