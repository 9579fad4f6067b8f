// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"net/http"
	"strings"
)

// The content types of payloads.
const (
	TypeText  = "text/plain; charset=UTF-8"
	TypeBytes = "application/octet-stream"
	// TypeScript is a type that a browser runs even with "nosniff"; the reference implementation
	// uses text/plain.
	TypeScript = "text/javascript; charset=UTF-8"
)

// HasBytes reports whether a request's body is not text.
func HasBytes(r *http.Request) bool {
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.TrimSpace(contentType) == TypeBytes
}
