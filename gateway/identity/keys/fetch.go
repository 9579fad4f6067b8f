// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/identity/outgoing"
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
	server  *outgoing.Server
	timeout time.Duration
}

func newFetcher(c RemoteConfig) (*fetcher, error) {
	server, err := outgoing.New(outgoing.Config{
		URL: c.URL, AllowHTTP: c.AllowHTTP, CA: c.CA, CAByTrust: c.Authority != "",
		Redirects: maxRedirects, MaxHeaderBytes: maxHeaderBytes,
		// Idle is 0, since the next fetch is minutes away.
	})
	if err != nil {
		return nil, fmt.Errorf("fetch a JWK set: %w", err)
	}
	return &fetcher{server, c.Timeout}, nil
}

// close ends idle connections.
func (f *fetcher) close() { f.server.Close() }

// fetch makes one request. The set is nil unless the result is Fetched.
func (f *fetcher) fetch(ctx context.Context) (*Set, Result, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.URL(), nil)
	if err != nil {
		return nil, Unreachable, fmt.Errorf("fetch a JWK set: %w", err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := f.server.Do(request)
	if err != nil {
		return nil, Unreachable, fmt.Errorf("fetch a JWK set: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, BadStatus, fmt.Errorf("fetch a JWK set from %s: the answer has status %d", f.server.URL(), response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxSetBytes+1))
	if err != nil {
		return nil, Unreachable, fmt.Errorf("fetch a JWK set from %s: %w", f.server.URL(), err)
	}
	if len(data) > maxSetBytes {
		return nil, Invalid, fmt.Errorf("fetch a JWK set from %s: the answer has more than %d bytes", f.server.URL(), maxSetBytes)
	}
	set, err := ParseSet(data, true)
	if err != nil {
		return nil, Invalid, fmt.Errorf("read the JWK set of %s: %w", f.server.URL(), err)
	}
	return set, Fetched, nil
}
