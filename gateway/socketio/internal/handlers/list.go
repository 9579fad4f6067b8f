// SPDX-License-Identifier: Apache-2.0

// Package handlers keeps the functions that an application has registered, in the order in which
// they are called.
package handlers

import "slices"

// List is a list of functions. It is changed under its owner's lock; code that has read it under
// that lock may walk it afterwards, even while it is changed.
type List[F any] []*F

// Add adds a function, and returns the pointer that Remove takes, since functions cannot be
// compared.
func (l *List[F]) Add(f F) *F {
	*l = append(*l, &f)
	return &f
}

// Remove removes a function, if it is in the list.
func (l *List[F]) Remove(f *F) {
	kept := slices.Clone(*l) // the old list may be walked meanwhile
	*l = slices.DeleteFunc(kept, func(g *F) bool { return g == f })
}

// ByName has a List for each name, such as that of an event. It is guarded by its owner's lock. The
// first Add allocates it.
type ByName[F any] map[string]List[F]

// Add adds a function to the list of a name.
func (n *ByName[F]) Add(name string, f F) *F {
	if *n == nil {
		*n = ByName[F]{}
	}
	list := (*n)[name]
	h := list.Add(f)
	(*n)[name] = list
	return h
}

// Remove removes a function from the list of a name.
func (n ByName[F]) Remove(name string, f *F) {
	list := n[name]
	list.Remove(f)
	if len(list) == 0 {
		delete(n, name)
		return
	}
	n[name] = list
}
