// SPDX-License-Identifier: Apache-2.0

package service

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/service/quota"
	"github.com/realtime-operator/realtime-operator/gateway/service/tenure"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// client runs the handlers of one socket. Only what is atomic is used outside the socket's turn.
type client struct {
	runtime *Runtime
	socket  *socketio.Socket
	// binding is the one that the last event has used; see currentBinding.
	binding *binding
	// tenure is nil if the client's token does not expire.
	tenure atomic.Pointer[tenure.Tenure]
	// renewals bounds how often the client shows a newer one.
	renewals tenure.Renewals
	// count is the number of the socket's handlers that wait for answers.
	count atomic.Int32
	meter quota.Meter
	emits eval.Verdict // of the rule emit of the last room
}

// clientOf returns the client of a socket, and makes it if there is none. It is called by what
// connects the socket, one after the other.
func (r *Runtime) clientOf(s *socketio.Socket) *client {
	if c, ok := s.Listener().(*client); ok {
		return c
	}
	c := &client{runtime: r, socket: s}
	s.Listen(c)
	return c
}

// waiting returns the number of the connection's handlers that wait.
func (c *client) waiting() int {
	n := 0
	for _, l := range c.socket.ConnectionListeners() {
		if other, ok := l.(*client); ok {
			n += int(other.count.Load())
		}
	}
	return n
}

// connected sets up a new socket: it joins the rooms of autoJoin, then its handlers run.
func (r *Runtime) connected(s *socketio.Socket) {
	c := r.clientOf(s)
	r.quota.EnterLate(&c.meter, r.program.Load().rates, s)
	c.beginTenure()
	r.tenures.EndIfRevoked(s) // its token may have been revoked since it was judged
	welcome := func() { c.lifecycle(v1alpha1.EventConnection) }
	b := c.currentBinding()
	if entry := c.entry(b); len(entry.rooms) > 0 {
		join := func() { c.autoJoin(b, entry) }
		if s.JoinWaits(entry.rooms...) {
			s.After(join, welcome)
			return
		}
		join()
	}
	welcome()
}

// lifecycle runs the handlers of connection, disconnecting or disconnect.
func (c *client) lifecycle(event string, args ...ref.Val) {
	b := c.currentBinding()
	if b.namespace == nil || len(b.namespace.lifecycle[event]) == 0 {
		return
	}
	c.start(b, b.namespace.lifecycle[event], eval.Variables{Name: event, ArgList: types.NewRefValList(types.DefaultTypeAdapter, args)}, nil)
}

// OnDisconnecting runs its handlers.
func (c *client) OnDisconnecting(reason string) {
	c.lifecycle(v1alpha1.EventDisconnecting, types.String(reason))
}

// OnDisconnect runs its handlers.
func (c *client) OnDisconnect(reason string) {
	c.lifecycle(v1alpha1.EventDisconnect, types.String(reason))
}

// OnAck judges an acknowledgement by the limits of the program in force.
func (c *client) OnAck(args socketio.Args) bool {
	return c.runtime.quota.Ack(&c.meter, c.runtime.program.Load().rates, c.socket, args)
}

// OnEnd releases what is held and counted for the socket.
func (c *client) OnEnd() {
	c.tenure.Load().End()
	c.runtime.quota.End(&c.meter, c.socket)
}

var _ socketio.Listener = (*client)(nil)

// OnEvent runs the handlers of a client's event. One that asks for an acknowledgement gets exactly
// one. Events to a namespace that the client has left count, or it could send any number of them.
func (c *client) OnEvent(ev *socketio.Event) {
	b := c.currentBinding()
	if b.namespace == nil {
		return
	}
	b.events.Inc()
	var now time.Time
	if rules := b.program.rates; rules != nil {
		if now = c.runtime.now(); !c.runtime.quota.Event(&c.meter, rules, now, ev) {
			return
		}
	}
	if !c.socket.Connected() {
		return
	}
	if ev.Name == v1alpha1.EventRenewToken && b.namespace.authentication != nil {
		c.renew(b, ev)
		return
	}
	handlers := b.namespace.on(ev.Name)
	if len(handlers) == 0 {
		_ = ev.Ack(answerUnhandled) // does nothing if the client wants no answer
		return
	}
	c.start(b, handlers, eval.Variables{Name: ev.Name, Args: ev.Args, Now: now}, ev)
}

// runs are finished runs, for reuse.
var runs = sync.Pool{New: func() any { return new(run) }}

// start runs handlers of an event, up to the first that waits. The event's time may have been read.
func (c *client) start(b *binding, handlers []*handler, v eval.Variables, ev *socketio.Event) {
	if v.Now.IsZero() {
		v.Now = c.runtime.now()
	}
	v.Socket, v.Params, v.Data = c.socket, b.params, celvalue.DataOf(c.socket)
	r := runs.Get().(*run)
	*r = run{client: c, binding: b, event: ev, handlers: handlers, Variables: v}
	if ev != nil {
		if r.span = c.runtime.tracer.Start(tracing.SpanEvent, tracing.Consumer, nil); r.span != nil {
			r.describe()
		}
	}
	if c.runtime.runHandlers(r) {
		*r = run{}
		runs.Put(r)
	}
}

// currentBinding returns the binding to the program in force. It is called in the socket's turn.
func (c *client) currentBinding() *binding {
	if p := c.runtime.program.Load(); c.binding == nil || c.binding.program != p {
		c.binding = c.runtime.bindingOf(p, c.socket)
	}
	return c.binding
}
