// SPDX-License-Identifier: Apache-2.0

// Package affinity has the cookie by which load balancers send a client to the same server again.
package affinity

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Cookie carries the session id on the answer to a handshake by polling, for load balancers with
// session affinity. The server does not read it. The zero value is "io=<id>; Path=/; HttpOnly;
// SameSite=Lax".
type Cookie struct {
	// Name is "io" by default.
	Name string
	// Path is "/" by default. NoPath omits it: browsers then use the path of the request.
	Path   string
	NoPath bool
	// Domain is omitted by default: browsers then use the host of the request.
	Domain string
	// MaxAge is rounded to whole seconds. If zero, the cookie ends with the browser session.
	MaxAge time.Duration
	// Secure restricts the cookie to TLS. Partitioned restricts it to the top-level site (CHIPS)
	// and requires Secure.
	Secure, Partitioned bool
	// ScriptAccess omits HttpOnly.
	ScriptAccess bool
	// SameSite is Lax by default; http.SameSiteDefaultMode omits it.
	SameSite http.SameSite
}

// Check returns an error for a cookie that makes no sense. A nil cookie is valid.
func (c *Cookie) Check() error {
	switch {
	case c == nil:
		return nil
	case c.MaxAge < 0:
		return fmt.Errorf("negative cookie max age %s", c.MaxAge)
	case c.NoPath && c.Path != "":
		return errors.New("cookie has a path and none")
	}
	if err := c.With("id").Valid(); err != nil {
		return fmt.Errorf("cookie: %w", err)
	}
	return nil
}

// With returns the cookie for a session.
func (c *Cookie) With(id string) *http.Cookie {
	cookie := &http.Cookie{
		Name:        cmp.Or(c.Name, "io"),
		Value:       id,
		Path:        c.Path,
		Domain:      c.Domain,
		MaxAge:      int(c.MaxAge / time.Second),
		Secure:      c.Secure,
		Partitioned: c.Partitioned,
		HttpOnly:    !c.ScriptAccess,
		SameSite:    cmp.Or(c.SameSite, http.SameSiteLaxMode),
	}
	if !c.NoPath {
		cookie.Path = cmp.Or(c.Path, "/")
	}
	return cookie
}
