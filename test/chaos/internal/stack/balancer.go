// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"errors"
	"slices"
	"sync"
)

var errNoGateway = errors.New("no gateway is ready")

// Balancer sends clients to gateways, each request or connection to the next in turn. Safe for
// concurrent use.
type Balancer struct {
	byClient bool

	mu       sync.Mutex
	ready    []string
	next     int
	assigned map[int]string
}

// NewBalancer returns a balancer without gateways. byClient keeps a client on its gateway for as
// long as that is ready, as a load balancer with affinity does.
func NewBalancer(byClient bool) *Balancer {
	return &Balancer{byClient: byClient, assigned: map[int]string{}}
}

// Add lets clients come to a gateway at an address, a host:port.
func (b *Balancer) Add(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = append(b.ready, address)
}

// Remove sends no more clients to a gateway.
func (b *Balancer) Remove(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = slices.DeleteFunc(b.ready, func(a string) bool { return a == address })
}

// Pick returns the address for a client's next request. It fails if no gateway is ready.
func (b *Balancer) Pick(client int) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		return "", errNoGateway
	}
	if a := b.assigned[client]; b.byClient && slices.Contains(b.ready, a) {
		return a, nil
	}
	b.next++
	a := b.ready[b.next%len(b.ready)]
	b.assigned[client] = a
	return a, nil
}
