// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// SetTokens replaces the tokens that are accepted over HTTP by those of a file, one per line. It
// returns their number.
func (s *Server) SetTokens(file []byte) int { return s.tokens.set(file) }

// ServeHTTP serves
//
//	POST /v1/namespaces/{namespace}/emit    emits a document; see docs/how-to/publish.md
//	POST /v1/revocations                    revokes tokens; see docs/how-to/authenticate.md
//
// on a port of its own that clients do not reach. Each request must have a token of SetTokens.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Leaving() {
		w.Header().Set("Connection", "close") // the next request goes to a gateway that stays
	}
	if !s.tokens.allow(r.Header.Get("Authorization")) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		write(w, http.StatusUnauthorized, answer{Error: "the header Authorization must be Bearer and a token of the service's"})
		return
	}
	namespace, ok := namespaceOf(r.URL)
	revokes := r.URL.EscapedPath() == revocationsPath
	switch {
	case !ok && !revokes:
		write(w, http.StatusNotFound, answer{
			Error: fmt.Sprintf("%.128s is nothing here; POST /v1/namespaces/%%2F/emit is, for the namespace /", r.URL.EscapedPath()),
		})
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		write(w, http.StatusMethodNotAllowed, answer{Error: "the method must be POST"})
	case revokes:
		s.serveRevocation(w, r)
	default:
		s.serveEmit(w, r, namespace)
	}
}

// namespaceOf returns the namespace of a path, URL-encoded. A ServeMux would mistake %2F, which is
// the name of one, for the end of the path.
func namespaceOf(u *url.URL) (string, bool) {
	encoded, found := strings.CutPrefix(u.EscapedPath(), "/v1/namespaces/")
	encoded, emits := strings.CutSuffix(encoded, "/emit")
	if !found || !emits || strings.Contains(encoded, "/") {
		return "", false
	}
	namespace, err := url.PathUnescape(encoded)
	return namespace, err == nil && namespace != ""
}

func (s *Server) serveEmit(w http.ResponseWriter, r *http.Request, namespace string) {
	body := io.Reader(r.Body)
	if most := s.Runtime.MaxPayload(); most > 0 {
		body = http.MaxBytesReader(w, r.Body, most)
	}
	data, err := io.ReadAll(body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		s.count(viaHTTP, http.StatusRequestEntityTooLarge)
		write(w, http.StatusRequestEntityTooLarge, answer{
			Error: fmt.Sprintf("the document has more than protocol.maxPayload, %d bytes", large.Limit),
		})
		return
	}
	if err != nil {
		return // the program has disconnected
	}
	writing := make(chan func(), 1) // for this goroutine, since the program may be slow to read
	parent := trace.New(r.Header.Get("traceparent"), r.Header.Get("tracestate"))
	s.publish(trace.NewContext(r.Context(), parent), viaHTTP, data, namespace, func(status int, a answer) {
		writing <- func() { write(w, status, a) }
	})
	(<-writing)()
}

func write(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(a.encode(), '\n'))
}
