// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// gate holds what comes in for a socket while it is still being told what was before. Safe for concurrent use.
type gate struct {
	mu     sync.Mutex
	held   []heldMessages // guarded by mu
	opened bool           // guarded by mu
}

type heldMessages struct {
	position uint64
	messages []*engineio.Message
}

// hold is false when the gate is open.
func (g *gate) hold(position uint64, messages []*engineio.Message) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened {
		return false
	}
	g.held = append(g.held, heldMessages{position, messages})
	return true
}

// open lets through what was held: what has no position, and what is behind one.
func (g *gate) open(position uint64, session *engineio.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.held {
		if h.position == 0 || h.position > position {
			// A session that has closed tells OnClose.
			_ = session.Send(h.messages...)
		}
	}
	g.held, g.opened = nil, true
}
