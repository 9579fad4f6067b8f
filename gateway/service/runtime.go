// SPDX-License-Identifier: Apache-2.0

package service

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/service/quota"
	"github.com/realtime-operator/realtime-operator/gateway/service/tenure"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// Options configure a Runtime.
type Options struct {
	// Registerer registers the metrics.
	Registerer prometheus.Registerer
	// Log receives errors; slog's default if nil.
	Log *slog.Logger
	// PresenceBytes bounds the results of presenceInfo for all members that this gateway knows of,
	// in bytes; presence.DefaultInfoBytes if zero.
	PresenceBytes int
	// Revoked returns a refusal for a token that is revoked, or of which that is not known yet;
	// nil: none is.
	Revoked func(*socketio.Identity) error
	// OnPanic is called with the place of each recovered panic, one of engineio.PanicPlaces.
	OnPanic func(place string)
	// Now is the time of events; time.Now if nil.
	Now func() time.Time
	// Tracer makes spans of events and authentications; nil: there are none.
	Tracer *tracing.Tracer
}

// Runtime runs programs on a Socket.IO server. Safe for concurrent use.
type Runtime struct {
	io     *socketio.Server
	log    *slog.Logger
	panics *panics.Watch
	// logLimit bounds the log lines of each kind, a *handler or failedRule: otherwise one client
	// could fill the log. All failures are counted.
	logLimit loglimit.Limit[any]
	metrics
	infos    *presence.Budget
	now      func() time.Time
	quota    *quota.Keeper
	program  atomic.Pointer[Program]
	bindings atomic.Pointer[bindings]
	dynamic  *socketio.ParentNamespace
	tenures  *tenure.Watch
	revoked  func(*socketio.Identity) error
	tracer   *tracing.Tracer

	applying sync.Mutex
}

// NewRuntime returns a runtime without a program; Apply sets one. The runtime creates and removes
// the server's namespaces.
func NewRuntime(io *socketio.Server, o Options) *Runtime {
	r := &Runtime{
		io:      io,
		log:     o.Log,
		metrics: newMetrics(),
		infos:   presence.NewBudget(o.PresenceBytes),
		revoked: o.Revoked,
		now:     o.Now,
		tracer:  o.Tracer,
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	r.quota = quota.NewKeeper(r.now, r.log)
	r.panics = panics.NewWatch(r.log, o.OnPanic)
	r.tenures = tenure.New(tenure.Options{Policy: r.expiryPolicy, Revoked: r.isRevoked, Log: r.log})
	if o.Registerer != nil {
		r.register(o.Registerer, r.infos)
		r.tenures.Register(o.Registerer)
		r.quota.Register(o.Registerer)
	}
	r.program.Store(&Program{})
	r.bindings.Store(&bindings{})
	r.dynamic = io.OfNames(func(name string) bool {
		ns, _ := r.program.Load().find(name)
		return ns != nil
	}).OnConnection(r.connected).OnNamespace(r.configure)
	return r
}

// Apply puts a program in force from the next event on. Clients stay, except that they leave
// namespaces that no longer exist.
func (r *Runtime) Apply(p *Program) {
	r.applying.Lock()
	defer r.applying.Unlock()
	r.io.SetLimits(p.limits)
	r.bindAll(p)
	r.guard(p)
	old := r.program.Swap(p)
	r.quota.Change(old.rates, p.rates)
	for name, ns := range p.namespaces {
		if old.namespaces[name] == nil {
			r.io.AddNamespace(name, func(ns *socketio.Namespace) {
				ns.OnConnection(r.connected)
				r.configure(ns)
			})
		}
		r.reconfigure(r.io.Of(name), old.namespaces[name], ns)
	}
	r.forgetEntries(old.authentication.byName, p.authentication.byName)
	for name := range old.namespaces {
		if p.namespaces[name] == nil {
			r.io.RemoveNamespace(name)
			r.forget(name)
		}
	}
	for _, child := range r.dynamic.Children() {
		ns, _ := p.find(child.Name())
		if ns == nil {
			r.io.RemoveNamespace(child.Name())
			continue
		}
		before, _ := old.find(child.Name())
		r.reconfigure(child, before, ns)
	}
	if expiryChanged(old, p) {
		go r.EachNamespace(r.renewTenures) // clients whose turn is taken are waited for
	}
}

// EachNamespace calls a function for the namespaces of the program in force.
func (r *Runtime) EachNamespace(f func(*socketio.Namespace)) {
	for name := range r.program.Load().namespaces {
		r.io.Within(name, f)
	}
	for _, child := range r.dynamic.Children() {
		f(child)
	}
}

// guard has namespaces ask who clients are for which a program will ask that, before it is in
// force: nobody enters by it unasked. The program that is still in force admits them.
func (r *Runtime) guard(next *Program) {
	before := r.program.Load()
	for name, ns := range next.namespaces {
		if ns.authentication != nil && before.namespaces[name] != nil {
			r.io.Of(name).SetAuthenticator(r.authenticate)
		}
	}
	for _, child := range r.dynamic.Children() {
		if ns, _ := next.find(child.Name()); ns != nil && ns.authentication != nil {
			child.SetAuthenticator(r.authenticate)
		}
	}
}

// reconfigure applies a program's rules to a namespace that may have sockets.
func (r *Runtime) reconfigure(ns *socketio.Namespace, before, after *namespace) {
	r.configure(ns)
	r.countConnections(ns, r.program.Load().rates)
	if joinsChanged(before, after) {
		go r.expel(ns) // a socket whose join waits for NATS is asked when that is over
	}
	after.users.JoinLate(before != nil && before.users.Addressed, ns, r.log)
}

// Users returns what users have used, to be shared with other gateways.
func (r *Runtime) Users() *limits.Users { return r.quota.Users }

// countConnections counts the connections that are there when a limit for them comes.
func (r *Runtime) countConnections(ns *socketio.Namespace, rules *limits.Rules) {
	if !quota.LimitsConnections(rules) {
		return
	}
	for _, s := range ns.Sockets() {
		if c, ok := s.Listener().(*client); ok { // otherwise it is about to have one; see connected
			r.quota.EnterLate(&c.meter, rules, s)
		}
	}
}
