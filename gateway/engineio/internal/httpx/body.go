// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"io"
	"net/http"
	"time"
)

// BoundBody bounds the time for a body that nobody reads, be it that the request is refused:
// net/http reads the rest of it before it answers, for as long as a client cares to drip. Who reads
// a body sets a deadline of its own.
func BoundBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) {
	if r.ContentLength != 0 {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(timeout))
	}
}

// ReadBody reads a body of at most so many bytes. Its error is a *http.MaxBytesError for one that
// is too large, or says that it is.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
}
