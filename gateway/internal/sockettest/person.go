// SPDX-License-Identifier: Apache-2.0

package sockettest

import (
	"fmt"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Person is a client that can come back, with the socket that it has at a gateway.
type Person struct {
	wiretest.Guest
	Socket *socketio.Socket
}

// Arrive connects for the first time.
func Arrive(t *testing.T, g Host, rooms ...string) *Person {
	t.Helper()
	p := &Person{Guest: wiretest.Guest{T: t}}
	p.Connect(g)
	p.Socket.Join(rooms...)
	return p
}

// Connect connects, and asks for the session that there was.
func (p *Person) Connect(g Host) (recovered bool) {
	p.T.Helper()
	p.Ask(g)
	return p.Answered(g)
}

// Ask sends CONNECT.
func (p *Person) Ask(g Host) {
	p.T.Helper()
	p.Guest.Ask(g.Host().URL, Path)
}

// Answered takes the answer.
func (p *Person) Answered(g Host) (recovered bool) {
	p.T.Helper()
	recovered = p.Answer()
	p.Socket = <-g.Host().Sockets
	if p.Socket.Recovered() != recovered {
		p.T.Errorf("the server says recovered %t, the client %t", p.Socket.Recovered(), recovered)
	}
	return recovered
}

// Missed wants these events, and no others, behind the answer to CONNECT.
func (p *Person) Missed(events ...string) {
	p.T.Helper()
	p.Expect(events...)
	Emit(p.T, p.Socket, "nothing else")
	p.Expect(`["nothing else"]`)
}

// Vanish ends the connection without a word, and returns when the gateway knows.
func (p *Person) Vanish() {
	p.T.Helper()
	gone := make(chan struct{})
	p.Socket.OnDisconnect(func(string) { close(gone) })
	p.Wire.Close()
	<-gone
}

// Emit emits.
func Emit(t testing.TB, b interface{ Emit(string, ...any) error }, event string, values ...any) {
	t.Helper()
	if err := b.Emit(event, values...); err != nil {
		t.Fatal(err)
	}
}

// Settled returns when what the Person's socket has changed is stored.
func (p *Person) Settled() {
	p.T.Helper()
	settled := make(chan error, 1)
	p.Socket.Settle(func(err error) { settled <- err })
	if err := <-settled; err != nil {
		p.T.Fatal(err)
	}
}

// ExpectVolatile emits a volatile event until it gets through: one that comes while another is
// being written is dropped.
func (p *Person) ExpectVolatile(b interface{ Emit(string, ...any) error }, event, text string) {
	p.T.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if err := b.Emit(event, text); err != nil {
				p.T.Error(err)
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	want := fmt.Sprintf(`["%s","%s"]`, event, text)
	p.Expect(want)
	close(stop)
	<-stopped
	Emit(p.T, p.Socket, "enough")
	for got := want; got != `["enough"]`; {
		if got = p.Take(p.Wire.Receive()); got != want && got != `["enough"]` {
			p.T.Fatalf("received %s, want %s", got, want)
		}
	}
}
