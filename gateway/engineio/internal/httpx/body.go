// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"io"
	"net/http"
	"time"
)

// BoundBody limits the time for a body that is not read, for example because the request is
// refused: net/http reads the rest of the body before it answers, however slowly the client sends
// it. Code that reads a body sets its own deadline.
func BoundBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) {
	if r.ContentLength != 0 {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(timeout))
	}
}

// ReadBody reads a body of at most limit bytes. Its error is a *http.MaxBytesError for a larger
// one.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
}
