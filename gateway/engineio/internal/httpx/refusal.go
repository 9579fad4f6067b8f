// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// SetRetryAfter says when to come back, in whole seconds, rounded up; nothing if that is zero.
func SetRetryAfter(h http.Header, after time.Duration) {
	if after > 0 {
		seconds := (after + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
}

// WriteText refuses the opening handshake of a websocket, in the form of the reference
// implementation.
func WriteText(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	w.Write([]byte(message))
}

// WriteError refuses any other request: {"code":4,"message":"Forbidden"}.
func WriteError(w http.ResponseWriter, status, code int, message string) {
	body, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{code, message})
	if err != nil { // a struct of an int and a string
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}
