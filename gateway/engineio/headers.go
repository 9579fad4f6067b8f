// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/affinity"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/cors"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

// addHeaders adds the configured headers to the answer to an accepted request. The id is empty
// except for a handshake by polling: only that gets the cookie, as with the reference
// implementation.
func (c *Config) addHeaders(h http.Header, req *request.Request, id string) {
	if req.SessionID() == "" {
		httpx.CopyHeaders(h, c.InitialHeaders)
		if c.Cookie != nil && id != "" {
			h.Add("Set-Cookie", c.Cookie.With(id).String())
		}
		if c.OnInitialHeaders != nil {
			c.OnInitialHeaders(h, req.Request)
		}
	}
	httpx.CopyHeaders(h, c.Headers)
	if c.OnHeaders != nil {
		c.OnHeaders(h, req.Request)
	}
}

// Cookie carries the session id on the answer to a handshake by polling.
type Cookie = affinity.Cookie

// CORS lists the pages of other origins that may connect.
type CORS = cors.Policy
