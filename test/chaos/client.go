// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/ledger"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/stack"
)

const (
	// openTimeout is the Manager's timeout.
	openTimeout = 20 * time.Second
	// refusedAgain is how long a publisher waits when the service has answered that it could not.
	refusedAgain = 500 * time.Millisecond
)

// world is what all clients share.
type world struct {
	balancer *stack.Balancer
	ledger   *ledger.Ledger
	// scale is by what reconnection delays are multiplied.
	scale float64
	// ackTimeout is how long a publisher waits for an acknowledgement until it emits again.
	ackTimeout time.Duration
	seed       uint64
}

// client is a socket.io-client with one namespace: a Manager that reconnects for ever, and a Socket
// that recovers. It is a member of one room and publishes there. Only say and the getters are for
// others than run's goroutine.
type client struct {
	world   *world
	id      int
	room    int
	polling bool
	line    *protocol.Line
	dialer  *protocol.Dialer
	backoff protocol.Backoff
	outbox  outbox

	// joined is whether the client is connected and in its room.
	joined atomic.Bool

	// The rest is run's own.
	pid       string
	offset    *string // nil until an event had one
	connected bool
	inRoom    bool // of the session: its join was acknowledged
	// early came before CONNECT was answered. Like the stock client's receiveBuffer, they outlive
	// the connection.
	early  []protocol.Event
	nextID int
	joinID int // of the join that waits for its acknowledgement; -1 if none does
	sentID int // of the publication that does; -1 if none does
}

func newClient(w *world, id, room int, polling bool) *client {
	c := &client{
		world: w, id: id, room: room, polling: polling, line: protocol.NewLine(),
		backoff: protocol.Backoff{Scale: w.scale, Random: rand.New(rand.NewPCG(w.seed, uint64(id)))},
		outbox:  outbox{wake: make(chan struct{}, 1)},
		joinID:  -1, sentID: -1,
	}
	c.dialer = protocol.NewDialer(func() (string, error) { return w.balancer.Pick(id) }, c.line)
	return c
}

// say publishes a message once those before it are acknowledged.
func (c *client) say(m protocol.Message) { c.outbox.put(m) }

// run connects, again and again, until the context ends.
func (c *client) run(ctx context.Context) {
	defer c.dialer.CloseIdleConnections()
	for ctx.Err() == nil {
		l, h, err := c.open(ctx)
		if err == nil {
			c.backoff.Reset()
			c.world.ledger.Opened(c.id)
			err = c.live(ctx, l, h)
			c.lost()
			c.backoff.Reset()
		}
		if ctx.Err() != nil {
			return
		}
		c.world.ledger.Failed(err)
		sleep(ctx, c.backoff.Next())
	}
}

func (c *client) open(ctx context.Context) (protocol.Link, protocol.Handshake, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if c.polling {
		return c.dialer.Polling(ctx)
	}
	return c.dialer.WebSocket(ctx)
}

// lost is the end of a connection: what waits for an acknowledgement will be emitted anew.
func (c *client) lost() {
	c.joined.Store(false)
	c.connected = false
	c.joinID, c.sentID = -1, -1
}

var (
	errLinkEnded   = errors.New("the connection ended")
	errPingTimeout = errors.New("ping timeout")
	errServerSaid  = errors.New("closed by the server's close packet")
	errStopped     = errors.New("a stock client would not come back")
)

// live is one connection, from open to close. It returns why it ended.
func (c *client) live(ctx context.Context, l protocol.Link, h protocol.Handshake) error {
	incoming := make(chan string, 16)
	done := make(chan struct{})
	var readErr error // of the reader until incoming is closed
	go func() {
		defer close(incoming)
		for {
			packet, err := l.Next()
			if err != nil {
				readErr = err
				return
			}
			select {
			case incoming <- packet:
			case <-done:
				return
			}
		}
	}()
	err := c.serve(ctx, l, h, incoming)
	close(done)
	l.Close()
	for range incoming {
		continue // until the reader has ended
	}
	if errors.Is(err, errLinkEnded) {
		return readErr
	}
	return err
}

func (c *client) serve(ctx context.Context, l protocol.Link, h protocol.Handshake, incoming <-chan string) error {
	patience := time.Duration(h.PingInterval+h.PingTimeout) * time.Millisecond
	heartbeat := time.NewTimer(patience)
	defer heartbeat.Stop()
	again := time.NewTimer(c.world.ackTimeout)
	again.Stop()
	defer again.Stop()

	l.Send(protocol.ConnectPacket(c.pid, c.offset))
	for {
		select {
		case packet, ok := <-incoming:
			if !ok {
				return errLinkEnded
			}
			if packet == string(protocol.EnginePing) {
				heartbeat.Reset(patience)
				l.Send(protocol.EnginePong)
				continue
			}
			if err := c.take(l, again, packet); err != nil {
				return err
			}
		case <-c.outbox.wake:
			c.publish(l, again, false)
		case <-again.C:
			if c.joinID >= 0 {
				c.join(l, again)
			}
			c.publish(l, again, true)
		case <-heartbeat.C:
			return errPingTimeout
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take handles one Engine.IO packet.
func (c *client) take(l protocol.Link, again *time.Timer, packet string) error {
	if packet == "" {
		return errors.New("an empty packet")
	}
	switch packet[0] {
	case protocol.EngineClose:
		return errServerSaid
	case protocol.EngineMessage:
		return c.packet(l, again, packet[1:])
	}
	return nil
}

// packet handles one Socket.IO packet.
func (c *client) packet(l protocol.Link, again *time.Timer, packet string) error {
	if packet == "" {
		return errors.New("an empty message")
	}
	rest := packet[1:]
	switch packet[0] {
	case protocol.PacketConnect:
		return c.onConnect(l, again, rest)
	case protocol.PacketEvent:
		e, err := protocol.ParseEvent(rest)
		if err != nil {
			return err
		}
		if !c.connected {
			c.early = append(c.early, e)
			return nil
		}
		return c.onEvent(e)
	case protocol.PacketAck:
		return c.onAck(l, again, rest)
	case protocol.PacketDisconnect, protocol.PacketConnectError:
		c.world.ledger.Stopped(c.id)
		c.pid, c.offset, c.inRoom, c.early = "", nil, false, nil // as after a reload of the page
		return fmt.Errorf("%w after %q", errStopped, packet)
	}
	return fmt.Errorf("packet %q is of an unknown type", packet)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
