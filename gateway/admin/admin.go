// SPDX-License-Identifier: Apache-2.0

// Package admin answers people who run a service (package gatewayadmin): who is where, and what
// happens to a room or a user. It listens on a Unix socket, which takes only processes of the
// gateway's own container, of its own user: whoever may start one there, by Kubernetes' pods/exec,
// may ask. So no port is opened, there is no password, and the API server's audit log has who asked
// for what.
package admin

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// streamsAtOnce bounds how many tails and traces a gateway has at the same time.
const streamsAtOnce = 8

// Options configure a Server.
type Options struct {
	// EachNamespace calls a function for each namespace of this gateway.
	EachNamespace func(func(*socketio.Namespace))
	// Watch has a function called for each event that is emitted on this gateway, which must not
	// block; nil ends that.
	Watch func(func(namespace string, d *socketio.Delivery))
	// Ops and Publishers answer what is not for this package.
	Ops, Publishers http.Handler
	Log             *slog.Logger
}

// Server answers requests. It is the http.Handler of the Unix socket. Safe for concurrent use.
type Server struct {
	Options
	mux     *http.ServeMux
	tap     tap
	streams chan struct{} // one element for each that is open
	// look is how often new sockets of a traced user are looked for, and alive how often a stream
	// says that it is there.
	look, alive time.Duration
}

// New returns a server.
func New(o Options) *Server {
	s := &Server{Options: o, mux: http.NewServeMux(), streams: make(chan struct{}, streamsAtOnce), look: time.Second, alive: 5 * time.Second}
	s.tap.watch = o.Watch
	s.mux.HandleFunc("GET "+gatewayadmin.PathWho, s.serveWho)
	s.mux.HandleFunc("GET "+gatewayadmin.PathTop, s.serveTop)
	s.mux.HandleFunc("GET "+gatewayadmin.PathTail, s.serveTail)
	s.mux.HandleFunc("GET "+gatewayadmin.PathTrace, s.serveTrace)
	s.mux.Handle("GET /status", o.Ops)
	s.mux.Handle("GET /metrics", o.Ops)
	return s
}

// ServeHTTP answers a request. What is posted is for publishers, whose paths a ServeMux would
// clean.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.Log.Info("asked by a person", "path", r.URL.EscapedPath())
		s.Publishers.ServeHTTP(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // or who has asked is gone
}

// number returns a parameter, which must be between 1 and most.
func number(query url.Values, name string, without, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return without, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s=%.32s: want a number between 1 and %d", name, text, most)
	}
	return n, nil
}
