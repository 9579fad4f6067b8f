// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// BroadcastWithAck delivers on all gateways, and collects the answers of their clients.
func (a *adapter) BroadcastWithAck(ctx context.Context, d *socketio.Delivery) ([]socketio.Args, error) {
	a.cluster.emitted(a.namespace, d)
	if d.Local {
		return a.rooms.BroadcastWithAck(ctx, d)
	}
	r := &request{kind: requestAsk, delivery: *d, count: millisecondsLeft(ctx)}
	g, err := a.ask(r, a.cluster.id)
	if err != nil {
		return nil, err
	}
	defer a.cluster.stopAnswers(r.id)
	n, stop, err := a.rooms.Ask(d, func(args socketio.Args, ok bool) { g.acked(a.cluster.id, args, ok) })
	if err != nil {
		return nil, err
	}
	defer stop()
	g.count(a.cluster.id, n)
	return g.wait(ctx)
}

// FetchSockets describes the sockets of all gateways.
func (a *adapter) FetchSockets(ctx context.Context, t socketio.Target) ([]socketio.RemoteSocket, error) {
	sockets, err := a.rooms.FetchSockets(ctx, t)
	if err != nil || t.Local {
		return sockets, err
	}
	parts, err := a.askAll(ctx, &request{kind: requestFetch, delivery: socketio.Delivery{Target: t}})
	for _, part := range parts {
		var more []socketio.RemoteSocket
		if e := json.Unmarshal(part.JSON, &more); e != nil {
			return sockets, fmt.Errorf("read the sockets of another gateway: %w", e)
		}
		sockets = append(sockets, more...)
	}
	return sockets, err
}

// CountSockets returns the number of targets on all gateways.
func (a *adapter) CountSockets(ctx context.Context, t socketio.Target) (int, error) {
	n, err := a.rooms.CountSockets(ctx, t)
	if err != nil || t.Local {
		return n, err
	}
	parts, err := a.askAll(ctx, &request{kind: requestFetch, count: fetchCount, delivery: socketio.Delivery{Target: t}})
	for _, part := range parts {
		more, e := countPart(part.JSON)
		if e != nil {
			return n, fmt.Errorf("read the number of another gateway's sockets: %w", e)
		}
		n += more
	}
	return n, err
}

// countPart decodes a part of the answer to fetchCount: the number of sockets, or the sockets
// themselves from a gateway of an older release.
func countPart(part []byte) (int, error) {
	var n uint32
	if err := json.Unmarshal(part, &n); err == nil {
		return int(n), nil
	}
	var sockets []json.RawMessage
	err := json.Unmarshal(part, &sockets)
	return len(sockets), err
}

// SocketsJoin puts the sockets of all gateways into rooms.
func (a *adapter) SocketsJoin(ctx context.Context, t socketio.Target, rooms ...string) error {
	if err := a.rooms.SocketsJoin(ctx, t, rooms...); err != nil || t.Local {
		return err
	}
	_, err := a.askAll(ctx, &request{kind: requestJoin, delivery: socketio.Delivery{Target: t}, rooms: rooms})
	return err
}

// SocketsLeave removes the sockets of all gateways from rooms.
func (a *adapter) SocketsLeave(ctx context.Context, t socketio.Target, rooms ...string) error {
	if t.Local {
		return a.rooms.SocketsLeave(ctx, t, rooms...)
	}
	// The others first: the target may be defined by the room that the sockets leave, here and
	// there.
	_, err := a.askAll(ctx, &request{kind: requestLeave, delivery: socketio.Delivery{Target: t}, rooms: rooms})
	if e := a.rooms.SocketsLeave(ctx, t, rooms...); e != nil {
		return e
	}
	return err
}

// DisconnectSockets disconnects the sockets of all gateways.
func (a *adapter) DisconnectSockets(ctx context.Context, t socketio.Target, closeConnection bool) error {
	if err := a.rooms.DisconnectSockets(ctx, t, closeConnection); err != nil || t.Local {
		return err
	}
	kind := requestDisconnect
	if closeConnection {
		kind = requestClose
	}
	_, err := a.askAll(ctx, &request{kind: kind, delivery: socketio.Delivery{Target: t}})
	return err
}

// ServerSideEmit sends an event to the other gateways.
func (a *adapter) ServerSideEmit(event string, args socketio.Args) error {
	r := a.serverSide(requestServerSide, event, args)
	r.namespace = a.namespace.Name()
	return a.cluster.tell(r)
}

// ServerSideEmitWithAck is ServerSideEmit with an answer from each.
func (a *adapter) ServerSideEmitWithAck(ctx context.Context, event string, args socketio.Args) ([]socketio.Args, error) {
	return a.askAll(ctx, a.serverSide(requestServerSideAck, event, args))
}

func (a *adapter) serverSide(kind byte, event string, args socketio.Args) *request {
	return &request{kind: kind, event: event, delivery: socketio.Delivery{Text: args.JSON, Attachments: args.Attachments}}
}

// askAll sends a request to all gateways, and waits until each has answered or is lost.
func (a *adapter) askAll(ctx context.Context, r *request) ([]socketio.Args, error) {
	var g *collector
	var err error
	apart.Do(func() { g, err = a.ask(r) }) // apart, since many may wait
	if err != nil {
		return nil, err
	}
	defer a.cluster.requests.end(r.id)
	return g.wait(ctx)
}

// ask sends a request to all gateways; the collector waits for them and for more. The caller ends
// it.
func (a *adapter) ask(r *request, more ...string) (*collector, error) {
	r.namespace = a.namespace.Name()
	g := newCollector(append(a.cluster.peers.List(), more...))
	r.id = a.cluster.requests.begin(g)
	if err := a.cluster.tell(r); err != nil {
		a.cluster.requests.end(r.id)
		return nil, err
	}
	return g, nil
}

// stopAnswers ends a requestAsk.
func (c *Cluster) stopAnswers(id uint64) {
	c.requests.end(id)
	// Without NATS the others consider this gateway dead, and stop too.
	_ = c.tell(&request{kind: requestStop, id: id})
}
