// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Result is how a fetch has ended, for metrics.
type Result string

// The results of fetches.
const (
	Fetched Result = "ok"
	// Unreachable is for servers that cannot be reached, or do not answer in time.
	Unreachable Result = "unreachable"
	// BadStatus is for answers with a status other than 200.
	BadStatus Result = "status"
	// Invalid is for answers that are no JWK set, or too large.
	Invalid Result = "invalid"
)

const (
	// maxSetBytes is the size of a set that is read. With certificates, sets of 64 keys are
	// smaller.
	maxSetBytes = 512 << 10
	// maxRedirects is how often a request follows a redirect.
	maxRedirects = 3
	// maxHeaderBytes is the size of an answer's header that is read.
	maxHeaderBytes = 32 << 10
)

// fetcher fetches a JWK set.
type fetcher struct {
	url       string
	timeout   time.Duration
	client    *http.Client
	transport *http.Transport
}

func newFetcher(c RemoteConfig) (*fetcher, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("read the URL of a JWK set: %w", err)
	}
	if err := checkURL(u, c.AllowHTTP); err != nil {
		return nil, fmt.Errorf("fetch a JWK set from %s: %w", u.Redacted(), err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(c.CA)) {
			return nil, errors.New("read the authorities of a JWK set: there is no certificate")
		}
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: config, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// The next fetch is minutes away.
		DisableKeepAlives: true,
	}
	return &fetcher{
		url: c.URL, timeout: c.Timeout, transport: transport,
		client: &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("there are more than %d redirects", maxRedirects)
			}
			return checkURL(r.URL, c.AllowHTTP)
		}},
	}, nil
}

func checkURL(u *url.URL, allowHTTP bool) error {
	switch {
	case u.User != nil:
		return errors.New("a user in the URL would end up in logs")
	case u.Host == "":
		return errors.New("the URL has no host")
	case u.Scheme == "https", u.Scheme == "http" && allowHTTP:
		return nil
	}
	return errors.New("the URL must begin with https://")
}

// close ends idle connections.
func (f *fetcher) close() { f.transport.CloseIdleConnections() }

// fetch makes one request. The set is nil unless the result is Fetched.
func (f *fetcher) fetch(ctx context.Context) (*Set, Result, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, Unreachable, fmt.Errorf("fetch a JWK set: %w", err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, Unreachable, fmt.Errorf("fetch a JWK set: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, BadStatus, fmt.Errorf("fetch a JWK set from %s: the answer has status %d", f.url, response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxSetBytes+1))
	if err != nil {
		return nil, Unreachable, fmt.Errorf("fetch a JWK set from %s: %w", f.url, err)
	}
	if len(data) > maxSetBytes {
		return nil, Invalid, fmt.Errorf("fetch a JWK set from %s: the answer has more than %d bytes", f.url, maxSetBytes)
	}
	set, err := ParseSet(data, true)
	if err != nil {
		return nil, Invalid, fmt.Errorf("read the JWK set of %s: %w", f.url, err)
	}
	return set, Fetched, nil
}
