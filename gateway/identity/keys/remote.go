// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/patience"
)

// The defaults of a RemoteConfig.
const (
	DefaultRefresh  = 10 * time.Minute
	DefaultCoolDown = 30 * time.Second
	DefaultTimeout  = 10 * time.Second
	DefaultPatience = 5 * time.Second
)

const (
	// firstRetry and lastRetry bound the pause after a fetch that failed, or found no key that can
	// be used; it doubles from one to the other.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// RemoteConfig says how a JWK set is fetched.
type RemoteConfig struct {
	// URL is that of the set. It must begin with https:// and have no user in it.
	URL string
	// AllowHTTP permits http:// URLs: whoever is between the gateway and the issuer can then make
	// keys.
	AllowHTTP bool
	// CA are the certificates of authorities, as PEM, that the server's must be signed by. Empty:
	// those of the system.
	CA string
	// Authority names where other authorities come from, by Remote.Trust. Nothing is fetched before
	// the first. Empty: CA has them.
	Authority string
	// Refresh is how often the set is fetched, DefaultRefresh if zero. A key that the issuer has
	// removed is accepted for that long.
	Refresh time.Duration
	// CoolDown is how long after one fetch tokens with unknown keys cause no other, DefaultCoolDown
	// if zero.
	CoolDown time.Duration
	// Timeout is how long a fetch may take, DefaultTimeout if zero.
	Timeout time.Duration
	// Patience is how long Keys and Newer wait for a fetch, DefaultPatience if zero.
	Patience time.Duration
}

func (c RemoteConfig) withDefaults() RemoteConfig {
	if c.Refresh <= 0 {
		c.Refresh = DefaultRefresh
	}
	if c.CoolDown <= 0 {
		c.CoolDown = DefaultCoolDown
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	return c
}

// ErrNotFetched is the error of Remote while there are no keys as they could not be fetched.
var ErrNotFetched = errors.New("the keys could not be fetched")

// Remote is a JWK set at a URL. Its goroutine fetches the set when it is made, again and again, and
// for unknown keys. Safe for concurrent use. It ends with the last Lease of it.
type Remote struct {
	config  RemoteConfig
	fetcher *fetcher
	// patience is that of all who wait for a fetch.
	patience *patience.Patience
	// fetched is told of each fetch.
	fetched func(Result)
	// wanted is told that a newer set is wanted.
	wanted chan struct{}
	// trusted is closed when authorities have come, or are in the configuration.
	trusted      chan struct{}
	closeTrusted func()
	stop         context.CancelFunc
	done         chan struct{}

	mu  sync.Mutex
	set *Set // guarded by mu; nil before the first
	// err is that of the last fetch; guarded by mu.
	err error
	// began is when the last fetch began; guarded by mu.
	began time.Time
	// fetching is closed when the current fetch has ended; nil without one. Guarded by mu.
	fetching chan struct{}
	// closed is true when nothing is fetched any more; guarded by mu.
	closed bool
	status Status // guarded by mu; without what the fields above say
}

// newRemote begins to fetch. close ends it.
func newRemote(c RemoteConfig, fetched func(Result)) (*Remote, error) {
	c = c.withDefaults()
	f, err := newFetcher(c)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	trusted := make(chan struct{})
	closeTrusted := sync.OnceFunc(func() { close(trusted) })
	if c.Authority == "" {
		closeTrusted()
	}
	r := &Remote{
		trusted: trusted, closeTrusted: closeTrusted,
		config: c, fetcher: f, patience: patience.New(c.Patience), fetched: fetched, wanted: make(chan struct{}, 1), stop: stop, done: make(chan struct{}),
		began: time.Now(), fetching: make(chan struct{}),
		status: Status{URL: c.URL, Fetches: map[Result]uint64{}},
	}
	go r.run(ctx)
	return r, nil
}

func (r *Remote) close() {
	r.stop()
	<-r.done
	r.fetcher.close()
}

// Trust replaces the authorities that the server's certificate must be signed by, as PEM. Without
// any, nobody is trusted, which is the error. If the last fetch has failed, the set is fetched now.
func (r *Remote) Trust(ca []byte) error {
	changed, err := r.fetcher.server.Trust(ca)
	r.closeTrusted()
	if !changed {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil && r.fetching == nil && !r.closed {
		r.begin()
		r.wanted <- struct{}{} // has room, as there is one for each begin
	}
	return err
}

// Keys returns the keys that were fetched last. Before the first, it waits for the fetch that is
// under way.
func (r *Remote) Keys(ctx context.Context) (*Set, error) {
	r.mu.Lock()
	set, fetching, err := r.set, r.fetching, r.err
	r.mu.Unlock()
	if set == nil && fetching != nil {
		if err := r.wait(ctx, fetching); err != nil {
			return nil, err
		}
		r.mu.Lock()
		set, err = r.set, r.err
		r.mu.Unlock()
	}
	switch {
	case set == nil:
		return nil, fmt.Errorf("%w: %w", ErrNotFetched, err)
	case set.Len() == 0:
		return nil, ErrNoKeys
	}
	return set, nil
}

// Newer returns a set that was fetched after another one. It waits for a fetch that is under way,
// or asks for one unless the last one began less than the cool-down ago.
func (r *Remote) Newer(ctx context.Context, than *Set) (*Set, error) {
	r.mu.Lock()
	set, err, fetching := r.set, r.err, r.fetching
	if set == than && fetching == nil && !r.closed && time.Since(r.began) >= r.config.CoolDown {
		r.begin()
		fetching = r.fetching
		r.wanted <- struct{}{} // has room, as there is one for each begin
	}
	r.mu.Unlock()
	if set != than || fetching == nil {
		return newer(set, than, err)
	}
	if err := r.wait(ctx, fetching); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return newer(r.set, than, r.err)
}

// newer is a set that differs from another, or this one if the last fetch was successful.
func newer(set, than *Set, err error) (*Set, error) {
	if set == than && err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFetched, err)
	}
	return set, nil
}

var errPatience = errors.New("they have not come in time")

// wait waits for the end of a fetch.
func (r *Remote) wait(ctx context.Context, ended <-chan struct{}) error {
	if ctx.Err() != nil {
		return fmt.Errorf("wait for keys: %w", context.Cause(ctx))
	}
	select {
	case <-ended:
		return nil
	case <-r.patience.Over():
		return fmt.Errorf("wait for keys: %w", errPatience)
	case <-ctx.Done():
		return fmt.Errorf("wait for keys: %w", context.Cause(ctx))
	}
}

// begin notes that a fetch begins. mu is held.
func (r *Remote) begin() {
	r.began = time.Now()
	r.fetching = make(chan struct{})
}

// run fetches until the context ends. The first fetch has begun.
func (r *Remote) run(ctx context.Context) {
	defer close(r.done)
	defer r.giveUp()
	select {
	case <-ctx.Done():
		return
	case <-r.trusted:
	}
	failures := 0
	for {
		set, result, err := r.fetcher.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		r.end(set, result, err)
		if failures++; err == nil && set.Len() > 0 {
			failures = 0
		}
		if !r.pause(ctx, failures) {
			return
		}
	}
}

// pause waits until the set is to be fetched, which has then begun. It is false when the context
// has ended.
func (r *Remote) pause(ctx context.Context, failures int) bool {
	timer := time.NewTimer(r.interval(failures))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-r.wanted:
		return true
	case <-timer.C:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.wanted: // has begun in the meantime
	default:
		r.begin()
	}
	return true
}

// interval is the time until the next fetch after some that failed. Gateways do not fetch all at
// once.
func (r *Remote) interval(failures int) time.Duration {
	d := r.config.Refresh
	if failures > 0 {
		d = min(d, lastRetry, firstRetry<<min(failures-1, 10))
	}
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

// giveUp lets those go who wait for a fetch that will not be.
func (r *Remote) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.fetching != nil {
		close(r.fetching)
		r.fetching = nil
		r.err = errors.New("no configuration uses the keys any more")
	}
}

// end notes the outcome of a fetch.
func (r *Remote) end(set *Set, result Result, err error) {
	r.mu.Lock()
	if set != nil {
		r.set = set
		r.status.LastSuccess = time.Now()
	}
	r.err = err
	r.status.Fetches[result]++
	close(r.fetching)
	r.fetching = nil
	r.mu.Unlock()
	if r.fetched != nil {
		r.fetched(result)
	}
}

// Status is how a Remote is doing.
type Status struct {
	URL string
	// Keys is the number of keys in force. Skipped says which keys of the set are not used, and
	// why.
	Keys    int
	Skipped []string
	// LastAttempt is when the last fetch began; LastSuccess when the keys in force were fetched,
	// zero if there are none.
	LastAttempt, LastSuccess time.Time
	// LastError is that of the last fetch; nil if it was successful, or there was none yet.
	LastError error
	// Fetches are the numbers of fetches, by their results.
	Fetches map[Result]uint64
}

// Status returns how it is doing now.
func (r *Remote) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.LastAttempt, s.LastError = r.began, r.err
	s.Fetches = maps.Clone(s.Fetches)
	if r.set != nil {
		s.Keys, s.Skipped = r.set.Len(), r.set.Skipped
		if s.Keys == 0 && s.LastError == nil {
			s.LastError = ErrNoKeys
		}
	}
	return s
}
