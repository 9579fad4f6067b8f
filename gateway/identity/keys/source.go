// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"context"
	"errors"
	"sync/atomic"
)

// Source has the newest keys. Implementations are safe for concurrent use.
type Source interface {
	// Keys returns the keys that are known, which may be out of date. It waits for the first, at
	// most until the context ends, and fails if there are none.
	Keys(ctx context.Context) (*Set, error)
	// Newer returns keys that may be newer than a set in which a token's key is not. It may wait to
	// fetch them, at most until the context ends. It returns the set itself if there is none, and
	// an error if that cannot be known.
	Newer(ctx context.Context, than *Set) (*Set, error)
}

// ErrNoKeys is for a source that has no key that can be used.
var ErrNoKeys = errors.New("there is no key that can be used")

// Mounted are the keys in the files of a Secret. The zero value has none. Safe for concurrent use.
type Mounted struct {
	set atomic.Pointer[Set]
}

// Set has the keys of a set in force from now on, and no others. An empty one is obeyed, too: keys
// that are removed verify nothing.
func (m *Mounted) Set(s *Set) { m.set.Store(s) }

// Keys returns the keys in force.
func (m *Mounted) Keys(context.Context) (*Set, error) {
	s := m.set.Load()
	if s == nil || s.Len() == 0 {
		return nil, ErrNoKeys
	}
	return s, nil
}

// Newer returns the keys in force: whoever watches the files brings newer ones.
func (m *Mounted) Newer(ctx context.Context, _ *Set) (*Set, error) { return m.Keys(ctx) }
