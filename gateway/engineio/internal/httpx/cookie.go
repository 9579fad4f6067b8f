// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Cookie is engineio.Cookie, where the fields are documented: one converts to the other, so the
// compiler holds them alike.
type Cookie struct {
	Name                string
	Path                string
	NoPath              bool
	Domain              string
	MaxAge              time.Duration
	Secure, Partitioned bool
	ScriptAccess        bool
	SameSite            http.SameSite
}

// Check refuses what makes no sense.
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

// With is the cookie for a session.
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
