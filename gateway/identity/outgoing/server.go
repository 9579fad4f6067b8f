// SPDX-License-Identifier: Apache-2.0

package outgoing

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where requests go.
type Config struct {
	// URL begins with https://, or with http:// if that is allowed, and has no user in it.
	URL string
	// AllowHTTP permits http:// URLs: whoever is on the way can then read and change everything.
	AllowHTTP bool
	// CA are the certificates of authorities, as PEM, that the server's must be signed by. Empty:
	// those of the system.
	CA string
	// CAByTrust is true if the authorities come by Trust: until then nobody is trusted.
	CAByTrust bool
	// Redirects is how many redirects are followed, to URLs that would be allowed here. With 0 the
	// answer is the redirect.
	Redirects int
	// MaxHeaderBytes is the size of an answer's header that is read.
	MaxHeaderBytes int64
	// Idle is how many connections are kept for further requests; none with 0.
	Idle int
}

// Server is where requests go. Its authorities can be replaced while it is in use. Safe for
// concurrent use. Close ends its idle connections.
type Server struct {
	config    Config
	transport atomic.Pointer[http.Transport]

	mu sync.Mutex
	// ca are the authorities in force; guarded by mu.
	ca string
}

// New returns the server of a configuration. It sends nothing. Errors have no user of a URL in
// them.
func New(c Config) (*Server, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("the URL is none") // the error itself has all of it
	}
	if err := c.check(u); err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	if c.CAByTrust {
		c.CA = ""
	}
	s := &Server{config: c, ca: c.CA}
	roots, err := pool(c.CA)
	if err != nil {
		return nil, err
	}
	if c.CA == "" && !c.CAByTrust {
		roots = nil
	}
	s.transport.Store(s.newTransport(roots))
	return s, nil
}

func (c *Config) check(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("a user in the URL would end up in logs")
	case u.Host == "":
		return errors.New("the URL has no host")
	case u.Scheme == "https", u.Scheme == "http" && c.AllowHTTP:
		return nil
	}
	return errors.New("the URL must begin with https://")
}

// pool returns the authorities in a PEM; an empty pool, which trusts nobody, with an error.
func pool(ca string) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	if ca != "" && !roots.AppendCertsFromPEM([]byte(ca)) {
		return roots, errors.New("there is no certificate among the authorities")
	}
	return roots, nil
}

// newTransport makes the connections. Nil roots are those of the system.
func (s *Server) newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		ForceAttemptHTTP2: true, MaxResponseHeaderBytes: s.config.MaxHeaderBytes,
		DisableKeepAlives: s.config.Idle == 0, MaxIdleConnsPerHost: s.config.Idle, IdleConnTimeout: time.Minute,
	}
}

// Trust replaces the authorities from the next request on, and reports whether they are others than
// before. Without any certificate, nobody is trusted, which is the error.
func (s *Server) Trust(ca []byte) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	roots, err := pool(string(ca))
	if len(ca) == 0 {
		err = errors.New("there are no authorities")
	} else if s.ca == string(ca) {
		return false, err
	}
	s.ca = string(ca)
	s.transport.Swap(s.newTransport(roots)).CloseIdleConnections()
	return true, err
}

// URL is that of the configuration.
func (s *Server) URL() string { return s.config.URL }

// Do sends a request to the server's URL.
func (s *Server) Do(r *http.Request) (*http.Response, error) {
	client := http.Client{Transport: s.transport.Load(), CheckRedirect: func(next *http.Request, via []*http.Request) error {
		switch {
		case s.config.Redirects == 0:
			return http.ErrUseLastResponse
		case len(via) > s.config.Redirects:
			return fmt.Errorf("there are more than %d redirects", s.config.Redirects)
		}
		return s.config.check(next.URL)
	}}
	return client.Do(r)
}

// Close ends idle connections. Those of requests under way end with these.
func (s *Server) Close() { s.transport.Load().CloseIdleConnections() }
