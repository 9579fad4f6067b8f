// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// Middleware wraps the handler of all requests under the server's path (polls, posts and WebSocket
// handshakes) before anything about them is checked. It may set headers, which all answers then
// have, including refusals and the 101 of a WebSocket. It may answer by itself instead of calling
// next. A ResponseWriter of its own must have an Unwrap method (http.ResponseController); otherwise
// WebSockets and deadlines do not work.
type Middleware func(next http.Handler) http.Handler

// CheckFunc makes a middleware of a function that may refuse a request: if it returns an error, the
// answer is 400, code 3. The client does not see the error's text. The function may set headers,
// but must not answer.
func CheckFunc(check func(http.ResponseWriter, *http.Request) error) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if check(w, r) != nil {
				refusals.BadRequest.Write(w, websocket.IsUpgrade(r))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Use adds middlewares after those of the configuration and those that were added before, for
// future requests. They stay when the configuration changes.
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
