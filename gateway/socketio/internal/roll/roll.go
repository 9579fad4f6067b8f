// SPDX-License-Identifier: Apache-2.0

// Package roll counts who is in a namespace and who is connecting to it, and finds the last one to
// leave a namespace that is removed.
package roll

import "sync"

// Roll is the roll of a namespace. Once retired, it cannot be entered any more. The zero value is
// empty. Safe for concurrent use.
type Roll[S comparable] struct {
	mu      sync.RWMutex
	members map[string]S // by id; guarded by mu
	// entering is the number of sockets that are connecting. Guarded by mu.
	entering int
	retired  bool // guarded by mu
}

// Enter keeps the namespace for a socket that is connecting, until Add or Leave. It returns false
// if the roll is retired.
func (r *Roll[S]) Enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retired {
		return false
	}
	r.entering++
	return true
}

// Add makes a socket that has entered a member, unless the namespace has been retired meanwhile:
// then the caller still has to call Leave.
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

// Leave ends the stay of a socket that has entered, but was not added. It returns true for the last
// one of a namespace that is retired or, with retireEmpty, is retired now because it is empty.
func (r *Roll[S]) Leave(retireEmpty bool) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entering--
	return r.isLast(retireEmpty)
}

// Remove is Leave for a member, unless another member has its id by now.
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

// Retire prevents further sockets from entering, and returns the members, which have to leave.
// unused reports that nobody is left who could be the last to leave. For a retired namespace it
// returns neither.
func (r *Roll[S]) Retire() (members []S, unused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retired {
		return nil, false
	}
	r.retired = true
	return r.all(), len(r.members) == 0 && r.entering == 0
}

// Retired reports whether the namespace has been retired.
func (r *Roll[S]) Retired() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.retired
}

// Len returns the number of members.
func (r *Roll[S]) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.members)
}

// Get returns the member with an id; the zero value if there is none.
func (r *Roll[S]) Get(id string) S {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.members[id]
}

// All returns the members, in no order.
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
