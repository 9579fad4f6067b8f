// SPDX-License-Identifier: Apache-2.0

package handlers

import "sync"

// Guard judges a socket before the middlewares. If it has to wait for others, it returns a function
// that waits and judges, which may block; otherwise wait is nil, and err is why the socket is
// refused.
type Guard[S any] func(S) (wait func() error, err error)

// Entrance has the functions that an application has registered for each socket that connects to a
// namespace. Safe for concurrent use.
type Entrance[S any] struct {
	mu          sync.RWMutex
	guard       Guard[S]        // guarded by mu; nil for none
	middlewares []func(S) error // guarded by mu
	connected   []func(S)       // guarded by mu
}

// Use adds a middleware.
func (e *Entrance[S]) Use(f func(S) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.middlewares = append(e.middlewares, f)
}

// SetGuard replaces the guard; nil removes it.
func (e *Entrance[S]) SetGuard(f Guard[S]) {
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

// Judge calls the guard, if there is one.
func (e *Entrance[S]) Judge(s S) (wait func() error, err error) {
	e.mu.RLock()
	guard := e.guard
	e.mu.RUnlock()
	if guard == nil {
		return nil, nil
	}
	return guard(s)
}

// Path are the entrances that a socket passes, in order: that of its namespace's parent, if there
// is one, and that of the namespace itself, which alone may have a guard.
type Path[S any] struct {
	Parent, Own *Entrance[S] // Parent may be nil
}

// Authorize runs the middlewares in order, up to the first that refuses the socket.
func (p Path[S]) Authorize(s S) error {
	if p.Parent != nil {
		if err := p.Parent.authorize(s); err != nil {
			return err
		}
	}
	return p.Own.authorize(s)
}

func (e *Entrance[S]) authorize(s S) error {
	e.mu.RLock()
	middlewares := e.middlewares
	e.mu.RUnlock()
	for _, f := range middlewares {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

// HasMiddlewares reports whether there is a guard or a middleware.
func (p Path[S]) HasMiddlewares() bool {
	return p.Own.hasMiddlewares() || p.Parent != nil && p.Parent.hasMiddlewares()
}

func (e *Entrance[S]) hasMiddlewares() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.guard != nil || len(e.middlewares) > 0
}

// Connected calls the functions for a connected socket.
func (p Path[S]) Connected(s S) {
	if p.Parent != nil {
		p.Parent.callConnected(s)
	}
	p.Own.callConnected(s)
}

func (e *Entrance[S]) callConnected(s S) {
	e.mu.RLock()
	connected := e.connected
	e.mu.RUnlock()
	for _, f := range connected {
		f(s)
	}
}
