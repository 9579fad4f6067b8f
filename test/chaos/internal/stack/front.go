// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// Front is the load balancer as a client in another process sees it: an address. Each connection
// goes to the gateway that is next.
type Front struct {
	listener net.Listener
	balancer *Balancer
	client   int
	done     sync.WaitGroup

	mu    sync.Mutex
	ended bool                  // guarded by mu
	conns map[net.Conn]struct{} // guarded by mu
}

// NewFront listens for a client, which it sends to the balancer's gateways.
func NewFront(b *Balancer, client int) (*Front, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a stock client: %w", err)
	}
	f := &Front{listener: l, balancer: b, client: client, conns: map[net.Conn]struct{}{}}
	f.done.Go(f.accept)
	return f, nil
}

// Address is the host:port to which the client connects.
func (f *Front) Address() string { return f.listener.Addr().String() }

func (f *Front) accept() {
	for {
		near, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.done.Go(func() { f.carry(near) })
	}
}

// carry ends a connection that no gateway takes, as a load balancer without one does.
func (f *Front) carry(near net.Conn) {
	defer near.Close()
	address, err := f.balancer.Pick(f.client)
	if err != nil {
		return
	}
	far, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer far.Close()
	if !f.register(near, far) {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(near, far) // either end may go
		near.Close()
		far.Close()
	}()
	_, _ = io.Copy(far, near)
	near.Close()
	far.Close()
	<-back
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, near)
	delete(f.conns, far)
}

func (f *Front) register(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		f.conns[c] = struct{}{}
	}
	return !f.ended
}

// Close ends the front and all that goes through.
func (f *Front) Close() {
	f.listener.Close()
	f.mu.Lock()
	f.ended = true
	for c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.done.Wait()
}
