// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const defaultCORSMethods = "GET,HEAD,PUT,PATCH,POST,DELETE"

// maxOrigin bounds what is compared with patterns: a scheme, a host name of 253 characters and a
// port.
const maxOrigin = 300

// CORS is engineio.CORS, where the fields are documented: one converts to the other, so the
// compiler holds them alike.
type CORS struct {
	Origins         []string
	HeadersOnly     bool
	Reflect         bool
	Credentials     bool
	Methods         []string
	AllowedHeaders  []string
	ExposedHeaders  []string
	MaxAge          time.Duration
	PreflightStatus int
}

// Check refuses what makes no sense.
func (c *CORS) Check() error {
	switch {
	case c == nil:
		return nil
	case c.MaxAge < 0:
		return fmt.Errorf("negative CORS max age %s", c.MaxAge)
	case c.PreflightStatus != 0 && (c.PreflightStatus < 200 || c.PreflightStatus > 299):
		return fmt.Errorf("CORS preflight status %d is not one of success", c.PreflightStatus)
	}
	for _, origin := range c.Origins {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	for _, list := range [][]string{c.Methods, c.AllowedHeaders, c.ExposedHeaders} {
		for _, name := range list {
			if !isToken(name) {
				return fmt.Errorf("CORS method or header name %q has a character that HTTP does not allow", name)
			}
		}
	}
	return nil
}

// Apply sets the headers of an answer. It reports whether the request was a preflight, which it has
// then answered.
func (c *CORS) Apply(w http.ResponseWriter, r *http.Request) (answered bool) {
	if c == nil {
		return false
	}
	h := w.Header()
	c.allowOrigin(h, r.Header.Get("Origin"))
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposedHeaders, ","))
	}
	if r.Method != http.MethodOptions {
		return false
	}
	c.preflight(h, r.Header.Get("Access-Control-Request-Headers"))
	w.WriteHeader(cmp.Or(c.PreflightStatus, http.StatusNoContent))
	return true
}

func (c *CORS) allowOrigin(h http.Header, origin string) {
	if slices.Contains(c.Origins, "*") && !c.Credentials && !c.Reflect {
		h.Set("Access-Control-Allow-Origin", "*")
		return
	}
	h.Add("Vary", "Origin") // also where it is refused: a cache may not answer another page with that
	if origin == "" || len(origin) > maxOrigin || !ValidHeaderValue(origin) {
		return
	}
	if c.lists(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
	}
}

func (c *CORS) preflight(h http.Header, requested string) {
	methods := defaultCORSMethods
	if len(c.Methods) > 0 {
		methods = strings.Join(c.Methods, ",")
	}
	h.Set("Access-Control-Allow-Methods", methods)

	if len(c.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(c.AllowedHeaders, ","))
	} else {
		h.Add("Vary", "Access-Control-Request-Headers")
		if requested != "" && ValidHeaderValue(requested) {
			h.Set("Access-Control-Allow-Headers", requested)
		}
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
}
