// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"errors"
	"slices"
	"sync"
)

var errNoGateway = errors.New("no gateway is ready")

// balancer sends clients to gateways, each request or connection to the next in turn. Safe for concurrent use.
type balancer struct {
	// byClient keeps a client on its gateway for as long as that is ready, as a load balancer with affinity does.
	byClient bool

	mu       sync.Mutex
	ready    []string
	next     int
	assigned map[int]string
}

func newBalancer(byClient bool) *balancer {
	return &balancer{byClient: byClient, assigned: map[int]string{}}
}

func (b *balancer) add(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = append(b.ready, address)
}

func (b *balancer) remove(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = slices.DeleteFunc(b.ready, func(a string) bool { return a == address })
}

// pick is the address for a client's next request.
func (b *balancer) pick(client int) (string, error) {
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
