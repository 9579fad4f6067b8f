// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/revocation"
)

// revocationsPath is where programs revoke tokens over HTTP.
const revocationsPath = "/v1/revocations"

// maxRevocation bounds a request to revoke tokens, in bytes.
const maxRevocation = 16 << 10

// RevocationSubject returns the subject to which programs send requests to revoke tokens of a
// service; see Subject.
func RevocationSubject(service string) string {
	return "realtime.revoke." + strings.Replace(service, "/", ".", 1)
}

// revoke waits until a revocation is stored.
func (s *Server) revoke(ctx context.Context, via string, data []byte) (int, answer) {
	status, a := http.StatusOK, answer{OK: true}
	if err := s.Revocations.Revoke(ctx, data); err != nil {
		status, a = http.StatusServiceUnavailable, answer{Error: err.Error()}
		var refused *revocation.Error
		if errors.As(err, &refused) {
			status = refused.Status
		}
	}
	s.countRevocation(via, status)
	return status, a
}

func (s *Server) serveRevocation(w http.ResponseWriter, r *http.Request, via string) {
	data, status := readBody(w, r, maxRevocation, "the limit")
	if status != http.StatusOK {
		s.countRevocation(via, status)
		return
	}
	status, a := s.revoke(r.Context(), via, data)
	write(w, status, a)
}

func (s *Server) countRevocation(via string, status int) {
	s.revoked.WithLabelValues(via, strconv.Itoa(status)).Inc()
}

// revokeByNATS answers a request over NATS when it is stored, which must not keep others waiting.
func (s *Server) revokeByNATS(ctx context.Context, data []byte, reply func([]byte)) {
	go func() {
		_, a := s.revoke(ctx, viaNATS, data)
		reply(a.encode())
	}()
}
