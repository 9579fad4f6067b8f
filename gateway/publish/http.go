// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
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
	s.serve(w, r, viaHTTP)
}

// ByPeople serves what ServeHTTP does, without tokens, to people whom package admin lets in.
func (s *Server) ByPeople() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, viaAdmin) })
}

// serve answers a request that may be made.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, via string) {
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
		s.serveRevocation(w, r, via)
	default:
		s.serveEmit(w, r, via, namespace)
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

func (s *Server) serveEmit(w http.ResponseWriter, r *http.Request, via, namespace string) {
	data, status := readBody(w, r, s.Runtime.MaxPayload(), "protocol.maxPayload")
	if status != http.StatusOK {
		s.count(via, status)
		return
	}
	writing := make(chan func(), 1) // for this goroutine, since the program may be slow to read
	parent := trace.New(r.Header.Get("traceparent"), r.Header.Get("tracestate"))
	s.publish(trace.NewContext(r.Context(), parent), via, data, namespace, func(status int, a answer) {
		writing <- func() { write(w, status, a) }
	})
	(<-writing)()
}

// readBody reads the document of a request, which may have limit bytes, or any number if limit is
// 0; bound names the limit. If it cannot, it answers with the status that it returns, since
// net/http answers 200 for a handler that says nothing. Otherwise the status is 200.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, bound string) ([]byte, int) {
	body := r.Body
	if limit > 0 {
		body = http.MaxBytesReader(w, body, limit)
	}
	data, err := io.ReadAll(body)
	if err == nil {
		return data, http.StatusOK
	}
	status, text := http.StatusBadRequest, "the document has not arrived in full"
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		status, text = http.StatusRequestEntityTooLarge, fmt.Sprintf("the document has more than %s, %d bytes", bound, large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		status, text = http.StatusRequestTimeout, "the document has not arrived in time"
	}
	write(w, status, answer{Error: text})
	return nil, status
}

func write(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(a.encode(), '\n'))
}
