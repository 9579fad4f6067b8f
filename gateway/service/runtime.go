// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Answers to an event that asks for an acknowledgement and gets none from a handler. They tell a client nothing of the inside.
var (
	answerDone      = socketio.Args{JSON: []byte(`[]`)}
	answerFailed    = socketio.Args{JSON: []byte(`[{"error":"the service could not handle the event"}]`)}
	answerUnhandled = socketio.Args{JSON: []byte(`[{"error":"the service does not handle the event"}]`)}
)

// Options of a Runtime.
type Options struct {
	// Registerer gets the metrics.
	Registerer prometheus.Registerer
	// Log gets what fails; slog's default if nil.
	Log *slog.Logger
	// PresenceBytes bounds what presenceInfo shows of all members that this gateway knows of, in bytes; presence.DefaultInfoBytes if
	// zero.
	PresenceBytes int
	// OnPanic is told the place of each panic that was stopped, of those of engineio.PanicPlaces.
	OnPanic func(place string)
}

// placeHandler is where a panic of a handler is stopped.
const placeHandler = "handler"

// Runtime runs programs on a Socket.IO server. Safe for concurrent use.
type Runtime struct {
	io     *socketio.Server
	log    *slog.Logger
	panics *panics.Watch
	// logLimit has *handler and failedRule for kinds of lines: one bad client could otherwise fill the
	// log. All failures are counted.
	logLimit loglimit.Limit[any]
	events   *prometheus.CounterVec
	failures *prometheus.CounterVec
	overwork *prometheus.CounterVec
	infos    *presence.Budget
	program  atomic.Pointer[Program]
	bindings atomic.Pointer[bindings]
	dynamic  *socketio.ParentNamespace

	applying sync.Mutex
}

// NewRuntime returns a runtime without a program; Apply gives it one. The server's namespaces are the runtime's to make and
// remove.
func NewRuntime(io *socketio.Server, o Options) *Runtime {
	r := &Runtime{
		io:  io,
		log: o.Log,
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_events_total",
			Help: "Events that clients have sent, by namespace.",
		}, []string{"namespace"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_handler_errors_total",
			Help: "Handlers that failed, by namespace.",
		}, []string{"namespace"}),
		overwork: newOverwork(),
		infos:    presence.NewBudget(o.PresenceBytes),
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	r.panics = panics.NewWatch(r.log, o.OnPanic)
	if o.Registerer != nil {
		o.Registerer.MustRegister(r.events, r.failures, r.overwork)
		o.Registerer.MustRegister(infoMetrics(r.infos)...)
	}
	r.program.Store(&Program{})
	r.bindings.Store(&bindings{})
	r.dynamic = io.OfNames(func(name string) bool {
		ns, _ := r.program.Load().find(name)
		return ns != nil
	}).OnConnection(r.connected).OnNamespace(r.configureRooms)
	return r
}

// Apply puts a program in force from the next event on. Clients stay, but for those of a namespace that is no more: they
// leave it.
func (r *Runtime) Apply(p *Program) {
	r.applying.Lock()
	defer r.applying.Unlock()
	r.io.SetLimits(p.limits)
	r.bindAll(p)
	old := r.program.Swap(p)
	for name := range p.namespaces {
		if old.namespaces[name] == nil {
			r.io.AddNamespace(name, func(ns *socketio.Namespace) {
				ns.OnConnection(r.connected)
				r.configureRooms(ns)
			})
		}
		r.configureRooms(r.io.Of(name))
	}
	for name := range old.namespaces {
		if p.namespaces[name] == nil {
			r.io.RemoveNamespace(name)
			r.events.DeleteLabelValues(name)
			r.failures.DeleteLabelValues(name)
			r.overwork.DeletePartialMatch(prometheus.Labels{"namespace": name})
		}
	}
	for _, child := range r.dynamic.Children() {
		if ns, _ := p.find(child.Name()); ns == nil {
			r.io.RemoveNamespace(child.Name())
			continue
		}
		r.configureRooms(child)
	}
}

func (r *Runtime) connected(s *socketio.Socket) {
	c := &client{runtime: r, socket: s}
	s.Listen(c)
	welcome := func() { c.lifecycle(v1alpha1.EventConnection) }
	b := c.bound()
	if ns := b.namespace; ns != nil && len(ns.rooms.autoJoin) > 0 {
		join := func() { c.autoJoin(b) }
		if s.JoinWaits(ns.rooms.autoJoin...) {
			s.After(join, welcome)
			return
		}
		join()
	}
	welcome()
}

// lifecycle runs the handlers of an event that is not the client's.
func (c *client) lifecycle(event string, args ...ref.Val) {
	b := c.bound()
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

var _ socketio.Listener = (*client)(nil)

// OnEvent runs the handlers of a client's event, and sees to it that one who waits for an answer gets it.
func (c *client) OnEvent(ev *socketio.Event) {
	b := c.bound()
	if b.namespace == nil {
		return
	}
	b.events.Inc()
	handlers := b.namespace.on(ev.Name)
	if len(handlers) == 0 {
		_ = ev.Ack(answerUnhandled) // who wants no answer gets none
		return
	}
	c.start(b, handlers, eval.Variables{Name: ev.Name, Args: ev.Args}, ev)
}

// runs are those that have ended.
var runs = sync.Pool{New: func() any { return new(run) }}

// start runs handlers of an event, up to the first that waits.
func (c *client) start(b *binding, handlers []*handler, v eval.Variables, ev *socketio.Event) {
	v.Socket, v.Params, v.Now, v.Data = c.socket, b.params, time.Now(), celvalue.DataOf(c.socket)
	r := runs.Get().(*run)
	*r = run{client: c, binding: b, event: ev, handlers: handlers, Variables: v}
	if c.runtime.proceed(r) {
		*r = run{}
		runs.Put(r)
	}
}

// proceed runs handlers in order, from where the run stands. One that fails ends, and the next ones still run. One that waits for
// answers holds up the next ones, but no other event. When all are done, a client that waits for an acknowledgement and has
// none gets it. ended is false if one waits.
func (r *Runtime) proceed(run *run) (ended bool) {
	for len(run.handlers) > 0 {
		done, err := run.handle(run.handlers[0])
		if !done {
			run.wait()
			return false
		}
		if err != nil {
			r.failed(run, err)
		}
		run.next()
	}
	if run.event == nil {
		return true
	}
	answer := answerDone
	if run.failed {
		answer = answerFailed
	}
	run.ack(answer)
	return true
}

// failed counts and logs a failure of the handler at which the run stands. That it has waited for a
// client that has gone is none of the manifest's.
func (r *Runtime) failed(run *run, err error) {
	run.failed = true
	if errors.Is(err, context.Canceled) && run.Socket.Context().Err() != nil {
		return
	}
	run.binding.failures.Inc()
	r.countWork(err, run.binding.label, run.handlers[0].place, run.action())
	about := []any{
		"namespace", run.Socket.Namespace().Name(), "event", fmt.Sprintf("%.128q", run.Name), "handler", run.handlers[0].place,
	}
	r.logLimit.Log(run.handlers[0],
		func() { r.log.Warn("a handler failed", append(about, "socket", run.Socket.LogID(), "error", err)...) },
		func(more int) {
			r.log.Warn(fmt.Sprintf("a handler failed: %d more in the last minute", more), about...)
		})
}
