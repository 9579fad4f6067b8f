// SPDX-License-Identifier: Apache-2.0

package socketio

import "slices"

// handlers is a list of functions of the application. It is changed under its owner's lock; who has read it under that lock
// may walk it afterwards, whatever is changed meanwhile.
type handlers[F any] []*F

// add returns what remove takes, since functions cannot be compared.
func (h *handlers[F]) add(f F) *F {
	*h = append(*h, &f)
	return &f
}

func (h *handlers[F]) remove(f *F) {
	kept := slices.Clone(*h) // somebody may be walking the list as it is
	*h = slices.DeleteFunc(kept, func(g *F) bool { return g == f })
}
