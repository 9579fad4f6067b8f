// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// profiling serves profiles on the loopback interface while the manifest has them served: who may
// forward ports to a pod reaches them, and nobody else. The zero value serves none.
type profiling struct {
	mu      sync.Mutex
	port    int32 // guarded by mu; 0: none
	stop    context.CancelFunc
	address string // guarded by mu
	served  sync.WaitGroup
}

// configure serves profiles as a manifest says. If the port is taken, that is logged.
func (p *profiling) configure(spec *v1alpha1.ProfilingSpec, log *slog.Logger) {
	p.mu.Lock()
	defer p.mu.Unlock()
	port := int32(0)
	if spec != nil {
		port = spec.Port
	}
	if port == p.port {
		return
	}
	p.endLocked()
	if spec == nil {
		return
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		log.Error("profiles are not served, as spec.gateway.profiling.port cannot be used", "error", err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.port, p.stop, p.address = port, stop, l.Addr().String()
	p.served.Go(func() {
		if err := Serve(ctx, l, profiles()); err != nil {
			log.Error("profiles are not served any more", "error", err)
		}
	})
	log.Info("profiles are served at /debug/pprof/", "address", p.address)
}

// close ends the serving of profiles.
func (p *profiling) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked()
}

func (p *profiling) endLocked() {
	if p.stop != nil {
		p.stop()
		p.served.Wait()
	}
	p.port, p.stop, p.address = 0, nil, ""
}

// profiles has the handlers of net/http/pprof, of which cmdline is left out: it says nothing of a
// gateway.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
