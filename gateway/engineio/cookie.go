// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// Cookie is what carries the session id on the answer to a handshake by polling, for load balancers that stick to it.
// Nothing here reads it. The zero value is "io=<id>; Path=/; HttpOnly; SameSite=Lax".
type Cookie struct {
	// Name is "io" by default.
	Name string
	// Path is "/" by default. NoPath leaves it out: browsers then take the request's.
	Path   string
	NoPath bool
	// Domain is left out by default: browsers then take the request's host.
	Domain string
	// MaxAge is in whole seconds; the cookie ends with the browser if zero.
	MaxAge time.Duration
	// Secure keeps it to TLS. Partitioned keeps it to the top-level site (CHIPS), which needs Secure.
	Secure, Partitioned bool
	// ScriptAccess leaves HttpOnly out.
	ScriptAccess bool
	// SameSite is Lax by default; http.SameSiteDefaultMode leaves it out.
	SameSite http.SameSite
}

func (c *Cookie) check() error {
	switch {
	case c == nil:
		return nil
	case c.MaxAge < 0:
		return fmt.Errorf("configure engine.io: negative cookie max age %s", c.MaxAge)
	case c.NoPath && c.Path != "":
		return errors.New("configure engine.io: cookie has a path and none")
	}
	if err := c.with("id").Valid(); err != nil {
		return fmt.Errorf("configure engine.io: cookie: %w", err)
	}
	return nil
}

// with is the cookie for a session.
func (c *Cookie) with(id string) *http.Cookie {
	cookie := &http.Cookie{
		Name:        c.Name,
		Value:       id,
		Path:        c.Path,
		Domain:      c.Domain,
		MaxAge:      int(c.MaxAge / time.Second),
		Secure:      c.Secure,
		Partitioned: c.Partitioned,
		HttpOnly:    !c.ScriptAccess,
		SameSite:    c.SameSite,
	}
	setDefault(&cookie.Name, "io")
	if !c.NoPath {
		setDefault(&cookie.Path, "/")
	}
	setDefault(&cookie.SameSite, http.SameSiteLaxMode)
	return cookie
}

// addHeaders puts the configured headers into the answer to a request that was accepted. The id is empty but for
// a handshake by polling, which alone gets the cookie, as from the reference implementation.
func (c *Config) addHeaders(h http.Header, req *request, id string) {
	if req.query.Get("sid") == "" {
		httpx.CopyHeaders(h, c.InitialHeaders)
		if c.Cookie != nil && id != "" {
			h.Add("Set-Cookie", c.Cookie.with(id).String())
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
