// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// trace follows the sockets of one user.
type trace struct {
	*sample
	entry, user string

	mu      sync.Mutex
	sockets map[*socketio.Socket]func() // what ends the trace of each; guarded by mu
}

func (s *Server) serveTrace(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("user") == "" {
		http.Error(w, "user is missing", http.StatusBadRequest)
		return
	}
	s.stream(w, r, func(ctx context.Context, sampled *sample) (end func()) {
		t := &trace{sample: sampled, entry: query.Get("entry"), user: query.Get("user"), sockets: map[*socketio.Socket]func(){}}
		ctx, stop := context.WithCancel(ctx)
		var looking sync.WaitGroup
		looking.Go(func() { t.run(ctx, s) })
		return func() {
			stop()
			looking.Wait()
			t.end()
		}
	})
}

// run looks for new sockets of the user now and then. To be told of each that connects would cost
// all others, who are not traced.
func (t *trace) run(ctx context.Context, s *Server) {
	again := time.NewTicker(s.look)
	defer again.Stop()
	for {
		s.EachNamespace(func(ns *socketio.Namespace) {
			for _, socket := range ns.Sockets() {
				if entry, user := userOf(socket); user == t.user && (t.entry == "" || t.entry == entry) {
					t.follow(socket)
				}
			}
		})
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// follow has a socket tell what happens to it.
func (t *trace) follow(s *socketio.Socket) {
	t.mu.Lock()
	_, known := t.sockets[s]
	full := len(t.sockets) >= gatewayadmin.MaxTraced
	if !known && !full {
		t.sockets[s] = func() {}
	}
	t.mu.Unlock()
	if known || full {
		return
	}
	t.take(func() gatewayadmin.Line { return t.line(gatewayadmin.KindConnected, s) })
	ends := []func(){
		s.OnAny(func(e *socketio.Event) {
			t.take(func() gatewayadmin.Line { return t.event(gatewayadmin.KindReceived, s, e.Name, e.Args) })
		}),
		s.OnAnyOutgoing(func(name string, args socketio.Args) {
			t.take(func() gatewayadmin.Line { return t.event(gatewayadmin.KindSent, s, name, args) })
		}),
		s.OnDisconnect(func(reason string) {
			t.take(func() gatewayadmin.Line {
				line := t.line(gatewayadmin.KindDisconnected, s)
				line.Reason = reason
				return line
			})
			t.mu.Lock()
			defer t.mu.Unlock()
			delete(t.sockets, s)
		}),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, there := t.sockets[s]; there && s.Connected() { // unless it has gone meanwhile
		t.sockets[s] = func() {
			for _, off := range ends {
				off()
			}
		}
	}
}

// end leaves all sockets alone.
func (t *trace) end() {
	t.mu.Lock()
	offs := slices.Collect(maps.Values(t.sockets))
	t.mu.Unlock()
	for _, off := range offs { // without the lock, which the handler of a disconnection takes
		off()
	}
}

func (t *trace) line(kind string, s *socketio.Socket) gatewayadmin.Line {
	return gatewayadmin.Line{Kind: kind, Namespace: s.Namespace().Name(), Socket: s.ID(), Transport: s.Transport()}
}

// event tells of an event. A newer token of the client is not shown.
func (t *trace) event(kind string, s *socketio.Socket, name string, args socketio.Args) gatewayadmin.Line {
	line := t.line(kind, s)
	line.Event, line.Bytes = name, len(args.JSON)
	for _, attachment := range args.Attachments {
		line.Bytes += len(attachment)
	}
	if name != v1alpha1.EventRenewToken {
		line.Args = t.cut(args.JSON)
	}
	return line
}
