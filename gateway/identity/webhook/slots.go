// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"container/list"
	"context"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/internal/peraddress"
)

// slots bound how many questions are asked at the same time, and share that among the addresses of
// clients: whoever has questions that take long, or has many, keeps nobody else from being asked
// about. An address has three quarters of the slots at most, so that one alone never has all of
// them. When several wait, they take turns, one question each. Safe for concurrent use.
type slots struct {
	all      int
	patience *patience.Patience // of those who wait

	mu   sync.Mutex
	free int // guarded by mu, as is the rest
	// addresses are those that have a slot or wait for one.
	addresses map[peraddress.Key]*address
	// turns are the *address that get the next slots, in order. It is empty while there is a free
	// one.
	turns list.List
}

// address are the questions of an address. Its slots guard it.
type address struct {
	key  peraddress.Key
	busy int
	// waiting are a chan struct{} for each question that waits. It is closed when the question has
	// a slot.
	waiting list.List
	// turn is the place in slots.turns; nil for an address that does not wait, or may not have
	// more.
	turn *list.Element
}

func newSlots(n int, p *patience.Patience) *slots {
	return &slots{all: n, free: n, patience: p, addresses: map[peraddress.Key]*address{}}
}

// share is how many slots an address may have. Clients that have none share all.
func (s *slots) share(k peraddress.Key) int {
	if k == (peraddress.Key{}) {
		return s.all
	}
	return max(1, s.all*3/4)
}

// take takes a slot, and gives up when the client leaves (errLeft) or has waited for too long
// (errBusy).
func (s *slots) take(client context.Context, k peraddress.Key) (err error) {
	turn := s.begin(k)
	if turn == nil {
		return nil
	}
	select {
	case <-turn.Value.(chan struct{}):
		return nil
	case <-client.Done():
		err = errLeft
	case <-s.patience.Over():
		err = errBusy
	}
	s.giveUp(k, turn)
	return err
}

// begin takes a slot, or else begins to wait for one, and returns the place in address.waiting.
func (s *slots) begin(k peraddress.Key) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.addresses[k]
	if a == nil {
		a = &address{key: k}
		s.addresses[k] = a
	}
	turn := a.waiting.PushBack(make(chan struct{}))
	s.lineUp(a)
	s.serve()
	select {
	case <-turn.Value.(chan struct{}):
		return nil
	default:
		return turn
	}
}

// giveUp ends a wait. A slot that has come at the last moment is given back.
func (s *slots) giveUp(k peraddress.Key, turn *list.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.addresses[k]
	select {
	case <-turn.Value.(chan struct{}):
		s.giveBack(a)
		return
	default:
	}
	a.waiting.Remove(turn)
	if a.waiting.Len() == 0 && a.turn != nil {
		s.turns.Remove(a.turn)
		a.turn = nil
	}
	s.forget(a)
}

// release gives a slot back.
func (s *slots) release(k peraddress.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveBack(s.addresses[k])
}

// giveBack is called with mu held, as are those below.
func (s *slots) giveBack(a *address) {
	a.busy--
	s.free++
	s.lineUp(a)
	s.serve()
	s.forget(a)
}

// lineUp gives an address a turn if it waits and may have another slot.
func (s *slots) lineUp(a *address) {
	if a.turn == nil && a.waiting.Len() > 0 && a.busy < s.share(a.key) {
		a.turn = s.turns.PushBack(a)
	}
}

// serve gives the free slots to those whose turn it is.
func (s *slots) serve() {
	for s.free > 0 && s.turns.Len() > 0 {
		a := s.turns.Remove(s.turns.Front()).(*address)
		a.turn = nil
		a.busy++
		s.free--
		close(a.waiting.Remove(a.waiting.Front()).(chan struct{}))
		s.lineUp(a)
	}
}

// forget drops an address that neither has a slot nor waits for one.
func (s *slots) forget(a *address) {
	if a.busy == 0 && a.waiting.Len() == 0 {
		delete(s.addresses, a.key)
	}
}
