// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/internal/query"
)

// Options configure a Forwarder. All are required, except Registerer.
type Options struct {
	// Self is this gateway's id.
	Self string
	// Find returns the host and port on which the peers of a gateway reach it, by its id. It
	// returns false if the gateway is not alive. It may block for as long as the client of a
	// request can wait.
	Find func(ctx context.Context, id string) (address string, ok bool)
	// AwaitGone returns when a gateway that Find has found is known to be dead, or the context
	// ends.
	AwaitGone func(ctx context.Context, id string)
	// Identity authenticates this gateway to its peers.
	Identity *Identity
	// Local serves the sessions of this gateway, and answers requests for unknown sessions.
	Local http.Handler
	// MaxPayload bounds the body of a POST, in bytes.
	MaxPayload func() int64
	// Registerer registers the metrics; nil: none.
	Registerer prometheus.Registerer
	// Log receives errors.
	Log *slog.Logger
}

// Forwarder is an http.Handler in front of a gateway's engine. It forwards the requests for
// sessions of other gateways, and passes all others to its own. Safe for concurrent use. Close ends
// it.
type Forwarder struct {
	o         Options
	transport *http.Transport
	proxy     *httputil.ReverseProxy
	metrics   *metrics
	// leaving: connections of clients are not kept alive. parting: polls are not held either.
	leaving, parting atomic.Bool

	mu     sync.Mutex
	closed bool                  // guarded by mu
	open   map[*transit]struct{} // guarded by mu
}

// New returns a Forwarder.
func New(o Options) *Forwarder {
	f := &Forwarder{o: o, transport: newTransport(newDialer(o.Identity, o.AwaitGone)), open: map[*transit]struct{}{}}
	f.metrics = newMetrics(o.Registerer, f)
	f.proxy = &httputil.ReverseProxy{
		Transport:      f.transport,
		Rewrite:        f.rewrite,
		ModifyResponse: f.answered,
		ErrorHandler:   f.failed,
		FlushInterval:  -1, // the answer to a poll arrives as a whole
		BufferPool:     buffers{},
		ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return f
}

// ServeHTTP serves a request for the engine's path.
func (f *Forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := query.Pick(r.URL.RawQuery, "sid").Get("sid") // as the engine reads it
	if id == "" {
		f.o.Local.ServeHTTP(w, r)
		return
	}
	owner, ok := f.o.Identity.owner(id)
	switch {
	case !ok:
		f.metrics.forged.Inc()
		f.o.Local.ServeHTTP(w, r)
		return
	case owner == f.o.Self:
		f.o.Local.ServeHTTP(w, r)
		return
	}
	address, ok := f.o.Find(r.Context(), owner)
	if !ok {
		f.metrics.gone.Inc()
		f.o.Local.ServeHTTP(w, r)
		return
	}
	f.forward(w, r, owner, address)
}

func (f *Forwarder) forward(w http.ResponseWriter, r *http.Request, owner, address string) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel() // before anything of the request must not be touched any more
	t := &transit{request: r, writer: w, owner: owner, address: address, cancel: cancel, done: make(chan struct{})}
	if !f.begin(t) {
		f.o.Local.ServeHTTP(w, r)
		return
	}
	defer f.end(t)
	forwarded := r.WithContext(context.WithValue(ctx, transitKey{}, t))
	switch {
	case r.ContentLength == 0:
		// A poll waits for longer than reading a request may take, and a websocket lives for
		// longer.
		http.NewResponseController(w).SetReadDeadline(time.Time{})
	case r.ContentLength < 0:
		forwarded.Body = &boundedBody{ReadCloser: r.Body, left: f.o.MaxPayload() + 1, done: ctx.Done()}
	}
	if f.leaving.Load() && !t.isUpgrade() {
		w.Header().Set("Connection", "close")
	}
	if f.parting.Load() && t.isPoll() {
		go f.release(ctx, t)
	}
	f.proxy.ServeHTTP(&writer{ResponseWriter: w, transit: t}, forwarded)
}

// answered inspects the owner's answer before it is sent.
func (f *Forwarder) answered(*http.Response) error {
	f.metrics.forwarded.Inc()
	return nil
}

// failed answers in place of an owner that is dead or unreachable for too long, or whose answer is
// lost. It tells the client that the session is unknown: stock clients reconnect at once, and are
// recovered if the service has recovery.
func (f *Forwarder) failed(_ http.ResponseWriter, r *http.Request, err error) {
	t := transitOf(r.Context())
	switch {
	case t.hijacked:
		return // the connection no longer exists
	case t.request.Context().Err() != nil:
		f.metrics.aborted.Inc()
		return
	}
	f.metrics.unreachable.Inc()
	f.o.Log.Debug("cannot forward a request to the owner of its session", "peer", t.address, "error", err)
	f.o.Local.ServeHTTP(t.writer, t.request)
}

// Close ends all requests that are being forwarded; later ones are answered as if their sessions'
// owners were dead.
func (f *Forwarder) Close() {
	f.mu.Lock()
	f.closed = true
	for t := range f.open {
		t.cancel()
	}
	f.mu.Unlock()
	f.transport.CloseIdleConnections()
	f.metrics.unregister()
}
