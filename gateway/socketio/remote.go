// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/remote"
)

// describe returns the socket as other servers see it.
func (s *Socket) describe() RemoteSocket {
	data, err := json.Marshal(s.Data())
	if err != nil {
		// A value that JSON cannot represent, such as a channel, stays on its own server.
		data = []byte("null")
	}
	r := RemoteSocket{ID: s.id, Handshake: *s.Handshake(), Rooms: s.Rooms(), Data: data}
	r.ReachBy(s.namespace.reach)
	return r
}

// reach addresses the socket with an id, on any server.
func (n *Namespace) reach(id string) remote.Reach { return n.To(id) }

// OnServerSide adds a handler for an event from other servers. Handlers of different events run in
// parallel.
func (n *Namespace) OnServerSide(event string, f func(*ServerSideEvent)) (off func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.onServerSide.Add(event, f)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.onServerSide.Remove(event, h)
	}
}

// ServerSideEmit sends an event to the namespace on the other servers; clients and this server do
// not receive it. See NewArgs for values.
func (n *Namespace) ServerSideEmit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err == nil {
		err = n.adapter.ServerSideEmit(event, args)
	}
	if err != nil {
		return fmt.Errorf("emit %s to servers: %w", event, err)
	}
	return nil
}

// ServerSideEmitWithAck is ServerSideEmit that waits for an answer from each other server, until
// the context ends. It returns the answers that arrived in either case; the error is nil if all
// servers have answered.
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return nil, fmt.Errorf("emit %s to servers: %w", event, err)
	}
	answers, err := n.adapter.ServerSideEmitWithAck(ctx, event, args)
	if err != nil {
		return answers, fmt.Errorf("emit %s to servers: %w", event, err)
	}
	return answers, nil
}

// HandleServerSide is for adapters: it hands the namespace an event of another server. answer is
// nil if none was asked for. It runs the handlers, and reports whether there was one.
func (n *Namespace) HandleServerSide(event string, args Args, answer func(Args)) bool {
	n.mu.RLock()
	list := n.onServerSide[event]
	n.mu.RUnlock()
	e := remote.NewEvent(event, args, answer)
	for _, f := range list {
		(*f)(e)
	}
	return len(list) > 0
}
