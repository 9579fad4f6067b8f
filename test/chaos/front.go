// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// front is the load balancer as a client in another process sees it: an address. Each connection goes to
// the gateway that is next.
type front struct {
	listener net.Listener
	balancer *balancer
	client   int
	done     sync.WaitGroup

	mu    sync.Mutex
	ended bool                  // guarded by mu
	conns map[net.Conn]struct{} // guarded by mu
}

func newFront(b *balancer, client int) (*front, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a stock client: %w", err)
	}
	f := &front{listener: l, balancer: b, client: client, conns: map[net.Conn]struct{}{}}
	f.done.Go(f.accept)
	return f, nil
}

func (f *front) address() string { return f.listener.Addr().String() }

func (f *front) accept() {
	for {
		near, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.done.Go(func() { f.carry(near) })
	}
}

// carry ends a connection that no gateway takes, as a load balancer without one does.
func (f *front) carry(near net.Conn) {
	defer near.Close()
	address, err := f.balancer.pick(f.client)
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

func (f *front) register(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		f.conns[c] = struct{}{}
	}
	return !f.ended
}

// close ends the front and all that goes through.
func (f *front) close() {
	f.listener.Close()
	f.mu.Lock()
	f.ended = true
	for c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.done.Wait()
}
