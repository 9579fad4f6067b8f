// SPDX-License-Identifier: Apache-2.0

package names

import (
	"maps"
	"slices"
	"sync"
)

// Registry has the namespaces of a server by their names. The zero value is empty. Safe for
// concurrent use.
type Registry[N comparable] struct {
	mu     sync.RWMutex
	byName map[string]N // guarded by mu
	onAdd  []func(N)    // guarded by mu
}

// OnAdd adds a function that is called for each namespace that is added, before Get finds it. It
// must not use the registry.
func (r *Registry[N]) OnAdd(f func(N)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onAdd = append(r.onAdd, f)
}

// Get returns the namespace with a name; the zero value if there is none.
func (r *Registry[N]) Get(name string) N {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byName[name]
}

// Add returns the namespace with a name, and creates it if there is none. If many callers come at
// once, one of them creates it. newNamespace must not use the registry.
func (r *Registry[N]) Add(name string, newNamespace func() N) N {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := r.byName[name]; ok {
		return n
	}
	n := newNamespace()
	for _, f := range r.onAdd {
		f(n)
	}
	if r.byName == nil {
		r.byName = map[string]N{}
	}
	r.byName[name] = n
	return n
}

// Remove removes and returns the namespace with a name; the zero value if there is none.
func (r *Registry[N]) Remove(name string) N {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.byName[name]
	delete(r.byName, name)
	return n
}

// Forget removes a namespace, unless there is a new one with its name.
func (r *Registry[N]) Forget(name string, n N) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byName[name] == n {
		delete(r.byName, name)
	}
}

// All lists the namespaces, in no order.
func (r *Registry[N]) All() []N {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.byName))
}

// Clear removes and returns all namespaces.
func (r *Registry[N]) Clear() []N {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Collect(maps.Values(r.byName))
	clear(r.byName)
	return all
}
