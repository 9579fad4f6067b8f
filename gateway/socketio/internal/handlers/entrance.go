// SPDX-License-Identifier: Apache-2.0

package handlers

import "sync"

// Entrance has the functions that an application has registered for each socket that connects to a
// namespace. Safe for concurrent use.
type Entrance[S any] struct {
	mu          sync.RWMutex
	guard       func(S) error   // guarded by mu; nil for none
	middlewares []func(S) error // guarded by mu
	connected   []func(S)       // guarded by mu
}

// Use adds a middleware.
func (e *Entrance[S]) Use(f func(S) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.middlewares = append(e.middlewares, f)
}

// SetGuard replaces the function that runs before the middlewares; nil removes it.
func (e *Entrance[S]) SetGuard(f func(S) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.guard = f
}

// OnConnection adds a function for connected sockets.
func (e *Entrance[S]) OnConnection(f func(S)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.connected = append(e.connected, f)
}

// Authorize runs the guard and the middlewares in order, up to the first that refuses the socket.
func (e *Entrance[S]) Authorize(s S) error {
	e.mu.RLock()
	guard, middlewares := e.guard, e.middlewares
	e.mu.RUnlock()
	if guard != nil {
		if err := guard(s); err != nil {
			return err
		}
	}
	for _, f := range middlewares {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

// HasMiddlewares reports whether Authorize calls anything.
func (e *Entrance[S]) HasMiddlewares() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.guard != nil || len(e.middlewares) > 0
}

// Connected calls the functions for a connected socket.
func (e *Entrance[S]) Connected(s S) {
	e.mu.RLock()
	connected := e.connected
	e.mu.RUnlock()
	for _, f := range connected {
		f(s)
	}
}
