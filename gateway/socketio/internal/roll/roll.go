// SPDX-License-Identifier: Apache-2.0

// Package roll says who is in a namespace and on the way in, and when the last one has left one that is no more.
package roll

import "sync"

// Roll is that of a namespace. Once retired, nobody enters it any more. The zero value is empty. Safe for concurrent
// use.
type Roll[S comparable] struct {
	mu      sync.RWMutex
	members map[string]S // by id; guarded by mu
	// entering counts those that are on the way in. Guarded by mu.
	entering int
	retired  bool // guarded by mu
}

// Enter keeps the namespace for somebody who is on the way in; Add or Leave ends that. It is false once it is retired.
func (r *Roll[S]) Enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retired {
		return false
	}
	r.entering++
	return true
}

// Add makes a member of somebody who had entered, unless the namespace has been retired meanwhile: then Leave is yet to
// come.
func (r *Roll[S]) Add(id string, s S) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retired {
		return false
	}
	r.entering--
	if r.members == nil {
		r.members = map[string]S{}
	}
	r.members[id] = s
	return true
}

// Leave is the end of somebody who had entered, but was not added. It is true for the last one out of a namespace that
// is retired, or is retired when it is empty.
func (r *Roll[S]) Leave(retireEmpty bool) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entering--
	return r.isLast(retireEmpty)
}

// Remove is Leave for a member, unless another one has its id by now.
func (r *Roll[S]) Remove(id string, s S, retireEmpty bool) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[id] == s {
		delete(r.members, id)
	}
	return r.isLast(retireEmpty)
}

// isLast is called with mu held.
func (r *Roll[S]) isLast(retireEmpty bool) bool {
	empty := len(r.members) == 0 && r.entering == 0
	if empty && retireEmpty {
		r.retired = true
	}
	return empty && r.retired
}

// Retire lets nobody enter any more, and returns the members, who are to leave. unused: there is nobody who could be the
// last to leave. A namespace that is retired already has neither.
func (r *Roll[S]) Retire() (members []S, unused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retired {
		return nil, false
	}
	r.retired = true
	return r.all(), len(r.members) == 0 && r.entering == 0
}

// Retired tells whether nobody enters any more.
func (r *Roll[S]) Retired() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.retired
}

// Len is the number of members.
func (r *Roll[S]) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.members)
}

// Get is the member with an id; the zero value if there is none.
func (r *Roll[S]) Get(id string) S {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.members[id]
}

// All lists the members, in no order.
func (r *Roll[S]) All() []S {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.all()
}

func (r *Roll[S]) all() []S {
	all := make([]S, 0, len(r.members))
	for _, s := range r.members {
		all = append(all, s)
	}
	return all
}
