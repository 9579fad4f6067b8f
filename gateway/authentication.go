// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/configfile"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
	"github.com/realtime-operator/realtime-operator/gateway/identity/static"
	"github.com/realtime-operator/realtime-operator/gateway/identity/token"
	"github.com/realtime-operator/realtime-operator/gateway/service"
)

// authentication verifies tokens for one configuration: it holds the JWK sets that the entries of
// spec.authentication name, and watches their Secrets. It must be closed. The next configuration's
// is opened before, so that a JWK set that both use is not fetched again.
type authentication struct {
	authenticators service.Authenticators
	secrets        map[string]*secret
	leases         []*keys.Lease
	stop           context.CancelFunc
	watches        sync.WaitGroup
	log            *slog.Logger
}

// secret is a mounted Secret, and who uses what is in it.
type secret struct {
	dir   string
	users []func(files map[string][]byte)
}

// set tells all users what is in the Secret.
func (s *secret) set(files map[string][]byte) {
	for _, use := range s.users {
		use(files)
	}
}

// compile returns the program of a service, and what verifies the tokens of its clients, which must
// be closed.
//
//nolint:contextcheck // keys are fetched, and Secrets watched, until a configuration is replaced
func (g *Gateway) compile(svc *v1alpha1.RealtimeService) (*service.Program, *authentication, error) {
	a, err := g.openAuthentication(svc)
	if err != nil {
		return nil, nil, err
	}
	program, err := service.Compile(svc, a.authenticators)
	if err != nil {
		a.close()
		return nil, nil, fmt.Errorf("compile the service: %w", err)
	}
	if g.compiled != nil {
		g.compiled(svc, program)
	}
	return program, a, nil
}

func (g *Gateway) openAuthentication(svc *v1alpha1.RealtimeService) (*authentication, error) {
	if g.authenticator == nil {
		return openAuthentication(svc, g.authenticationDir, g.authorities, g.log)
	}
	a := &authentication{authenticators: service.Authenticators{}, stop: func() {}, log: g.log}
	for i := range svc.Spec.Authentication {
		entry := &svc.Spec.Authentication[i]
		var err error
		if a.authenticators[entry.Name], err = g.authenticator(entry); err != nil {
			return nil, fmt.Errorf("authentication %s: %w", entry.Name, err)
		}
	}
	return a, nil
}

// openAuthentication returns what verifies the tokens of a service's clients. It waits for nobody:
// a JWK set may not have been fetched yet, and a Secret may be missing. dir has a folder for each
// Secret.
func openAuthentication(svc *v1alpha1.RealtimeService, dir string, sets *authorities, log *slog.Logger) (*authentication, error) {
	ctx, stop := context.WithCancel(context.Background())
	a := &authentication{authenticators: service.Authenticators{}, secrets: map[string]*secret{}, stop: stop, log: log}
	for _, name := range svc.AuthenticationSecrets() {
		a.secrets[name] = &secret{dir: filepath.Join(dir, name)}
	}
	for i := range svc.Spec.Authentication {
		entry := &svc.Spec.Authentication[i]
		verifier, err := a.verifier(entry, sets)
		if err == nil {
			var locations []identity.Location
			locations, err = service.Locations(entry)
			a.authenticators[entry.Name] = identity.ByToken(locations, verifier)
		}
		if err != nil {
			a.close()
			return nil, fmt.Errorf("authentication %s: %w", entry.Name, err)
		}
	}
	for name, s := range a.secrets {
		a.watch(ctx, name, s, dir != "")
	}
	return a, nil
}

// close forgets the keys. It may be called twice, and for nil.
func (a *authentication) close() {
	if a == nil {
		return
	}
	a.stop()
	a.watches.Wait()
	for _, lease := range a.leases {
		lease.Close()
	}
}

var errNoSecrets = errors.New("there is no folder with Secrets: name one by --authentication-dir, or by --secrets of realtime dev")

// watch reads a Secret now and when it changes. One that cannot be read has no keys.
func (a *authentication) watch(ctx context.Context, name string, s *secret, mounted bool) {
	var files map[string][]byte
	err := errNoSecrets
	if mounted {
		files, err = configfile.ReadDir(s.dir)
	}
	if err != nil {
		a.log.Error("the Secret of an authentication cannot be read: nobody can connect by it", "secret", name, "error", err)
		return
	}
	s.set(files)
	a.watches.Go(func() {
		if err := configfile.WatchDir(ctx, s.dir, files, s.set); err != nil {
			a.log.Error("the Secret of an authentication is not read again when it changes", "secret", name, "error", err)
		}
	})
}

// verifier returns what verifies the tokens of an entry.
func (a *authentication) verifier(entry *v1alpha1.Authentication, sets *authorities) (identity.Verifier, error) {
	if entry.Tokens != nil {
		return a.tokens(entry), nil
	}
	if entry.JWT == nil {
		return nil, errors.New("it is of a kind that this gateway does not know")
	}
	source, err := a.keys(entry, sets)
	if err != nil {
		return nil, err
	}
	return token.New(token.Config{
		Issuer: entry.JWT.Issuer, Audiences: entry.JWT.Audiences, Leeway: entry.JWT.Leeway.Duration, Keys: source,
	})
}

// tokens returns the tokens of a Secret.
func (a *authentication) tokens(entry *v1alpha1.Authentication) *static.Tokens {
	tokens := static.New()
	a.use(entry, func(files map[string][]byte) {
		err := tokens.Set(files)
		a.report(entry.Name, "tokens", tokens.Len(), err)
	})
	return tokens
}

// keys returns the keys of an entry's issuer.
func (a *authentication) keys(entry *v1alpha1.Authentication, sets *authorities) (keys.Source, error) {
	switch jwt := entry.JWT; {
	case jwt.HMAC != nil:
		return a.mounted(entry, keys.ParseHMACFiles), nil
	case jwt.JWKS != nil && jwt.JWKS.SecretRef != nil:
		return a.mounted(entry, keys.ParseSetFiles), nil
	case jwt.JWKS != nil:
		lease, err := sets.Lease(keys.RemoteConfig{URL: jwt.JWKS.URL, CA: sets.ca})
		if err != nil {
			return nil, err
		}
		a.leases = append(a.leases, lease)
		return lease, nil
	}
	return nil, errors.New("its keys are of a kind that this gateway does not know")
}

// mounted returns the keys in the files of a Secret.
func (a *authentication) mounted(entry *v1alpha1.Authentication, parse func(map[string][]byte) *keys.Set) *keys.Mounted {
	mounted := &keys.Mounted{}
	a.use(entry, func(files map[string][]byte) {
		set := parse(files)
		mounted.Set(set)
		var errs []error
		for _, why := range set.Skipped {
			errs = append(errs, errors.New(why))
		}
		a.report(entry.Name, "keys", set.Len(), errors.Join(errs...))
	})
	return mounted
}

func (a *authentication) use(entry *v1alpha1.Authentication, f func(files map[string][]byte)) {
	s := a.secrets[entry.Secret()]
	s.users = append(s.users, f)
}

// report says how many keys or tokens are in force, and why others are not. The reasons have names
// of files in them, and no contents.
func (a *authentication) report(entry, what string, n int, err error) {
	switch {
	case err != nil:
		a.log.Error("some of the "+what+" in the Secret of an authentication cannot be used", "entry", entry, "usable", n, "error", err)
	case n == 0:
		a.log.Error("there are no "+what+" in the Secret of an authentication: nobody can connect by it", "entry", entry)
	default:
		a.log.Info("the "+what+" of an authentication are in force", "entry", entry, "number", n)
	}
}

// authorities are the JWK sets that a process fetches, whatever configuration is in force.
type authorities struct {
	keys.Registry
	// ca has the certificates of authorities that the servers' must be signed by, as PEM; empty:
	// those of the system.
	ca string
}

// newAuthorities counts fetches in a registry of metrics.
func newAuthorities(r prometheus.Registerer, ca string) *authorities {
	fetches := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_jwks_fetches_total",
		Help: "Fetches of JWK sets, by result: ok, unreachable, status (other than 200) or invalid (no JWK set).",
	}, []string{"result"})
	r.MustRegister(fetches)
	sets := &authorities{ca: ca}
	sets.Fetched = func(result keys.Result) { fetches.WithLabelValues(string(result)).Inc() }
	return sets
}

// status is how the sets are doing.
func (s *authorities) status() []gatewaystatus.KeySet {
	var all []gatewaystatus.KeySet
	for _, set := range s.Status() {
		one := gatewaystatus.KeySet{URL: set.URL, Keys: set.Keys}
		if !set.LastSuccess.IsZero() {
			one.Fetched = &set.LastSuccess
		}
		if set.LastError != nil {
			one.Error = set.LastError.Error()
		}
		all = append(all, one)
	}
	return all
}
