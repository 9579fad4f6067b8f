// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// Middleware wraps what serves the requests under the server's path: polls, posts and websocket handshakes alike, before
// anything about them is checked. It may set headers, which are then in all answers, refusals and the websocket's 101
// among them; it may answer itself, and not call next. A ResponseWriter of its own must have an Unwrap method
// (http.ResponseController), or websockets and deadlines do not work.
type Middleware func(next http.Handler) http.Handler

// CheckFunc makes a middleware of a function that may refuse a request: if it returns an error, the answer is 400,
// code 3. The error's text stays on the server. It may set headers, but not answer.
func CheckFunc(check func(http.ResponseWriter, *http.Request) error) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if check(w, r) != nil {
				errBadRequest.write(w, websocket.IsUpgrade(r))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Use adds middlewares behind those of the configuration and those added before, for requests from now on. They stay
// when the configuration changes.
func (s *Server) Use(m ...Middleware) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	s.used = slices.Concat(s.used, m)
	s.install(s.current.Load().config)
}

// configSnapshot is a configuration and the chain of middlewares that leads to it.
type configSnapshot struct {
	config  *Config
	handler http.Handler
}

// install makes a configuration the current one. The lock configuring is held.
func (s *Server) install(c *Config) {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(c, w, r) })
	for _, wrap := range slices.Backward(slices.Concat(c.Middlewares, s.used)) {
		h = wrap(h)
	}
	s.current.Store(&configSnapshot{c, h})
}
