// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/configfile"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
	"github.com/realtime-operator/realtime-operator/gateway/identity/static"
	"github.com/realtime-operator/realtime-operator/gateway/identity/token"
	"github.com/realtime-operator/realtime-operator/gateway/identity/webhook"
	"github.com/realtime-operator/realtime-operator/gateway/service"
)

// authentication verifies tokens for one configuration: it holds the JWK sets that the entries of
// spec.authentication name, and watches their Secrets. It must be closed. The next configuration's
// is opened before, so that a JWK set that both use is not fetched again.
type authentication struct {
	asking         *asking
	authenticators service.Authenticators
	mounts         map[string]*mount // by their folders in asking.dir
	leases         []*keys.Lease
	asked          map[string]*webhook.Webhook // by entries
	stop           context.CancelFunc
	watches        sync.WaitGroup
	log            *slog.Logger
}

// asking is what the configurations of a process authenticate clients with.
type asking struct {
	// dir has a folder for each Secret, and _configmaps in it one for each ConfigMap; empty if
	// there are none.
	dir           string
	localServices bool
	log           *slog.Logger
	authorities   *authorities
	programs      *programs
	// request is a request over NATS.
	request func(ctx context.Context, subject string, data []byte) (*nats.Msg, error)
}

// mount is a mounted Secret or ConfigMap, and who uses what is in it. A nil map is for one that
// cannot be read.
type mount struct {
	users []func(files map[string][]byte)
}

// set tells all users what is in it.
func (m *mount) set(files map[string][]byte) {
	for _, use := range m.users {
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
		return openAuthentication(svc, &g.asking)
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
// a JWK set may not have been fetched yet, and a Secret may be missing.
func openAuthentication(svc *v1alpha1.RealtimeService, with *asking) (*authentication, error) {
	ctx, stop := context.WithCancel(context.Background())
	a := &authentication{
		asking: with, authenticators: service.Authenticators{}, mounts: map[string]*mount{}, asked: map[string]*webhook.Webhook{},
		stop: stop, log: with.log,
	}
	for i := range svc.Spec.Authentication {
		entry := &svc.Spec.Authentication[i]
		var err error
		if a.authenticators[entry.Name], err = a.authenticator(svc, entry); err != nil {
			a.close()
			return nil, fmt.Errorf("authentication %s: %w", entry.Name, err)
		}
	}
	for folder, m := range a.mounts {
		a.watch(ctx, folder, m)
	}
	return a, nil
}

func (a *authentication) authenticator(svc *v1alpha1.RealtimeService, entry *v1alpha1.Authentication) (identity.Authenticator, error) {
	locations, err := service.Locations(entry)
	if err != nil {
		return nil, err
	}
	if entry.Request() != nil {
		return a.program(svc, entry, locations)
	}
	verifier, err := a.verifier(entry)
	if err != nil {
		return nil, err
	}
	return identity.ByToken(locations, verifier), nil
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
	for _, program := range a.asked {
		program.Close()
	}
}

var errNoSecrets = errors.New("there is no folder with Secrets: name one by --authentication-dir, or by --secrets of realtime dev")

// watch reads a Secret or a ConfigMap now and when it changes. One that cannot be read has nothing.
func (a *authentication) watch(ctx context.Context, folder string, m *mount) {
	var files map[string][]byte
	err := errNoSecrets
	dir := filepath.Join(a.asking.dir, folder)
	if a.asking.dir != "" {
		files, err = configfile.ReadDir(dir)
	}
	if err != nil {
		a.log.Error("the Secret or ConfigMap of an authentication cannot be read: nobody can connect by it", "name", filepath.Base(folder), "error", err)
		m.set(nil)
		return
	}
	m.set(files)
	a.watches.Go(func() {
		if err := configfile.WatchDir(ctx, dir, files, m.set); err != nil {
			a.log.Error("the Secret or ConfigMap of an authentication is not read again when it changes", "name", filepath.Base(folder), "error", err)
		}
	})
}

// verifier returns what verifies the tokens of an entry.
func (a *authentication) verifier(entry *v1alpha1.Authentication) (identity.Verifier, error) {
	if entry.Tokens != nil {
		return a.tokens(entry), nil
	}
	if entry.JWT == nil {
		return nil, errors.New("it is of a kind that this gateway does not know")
	}
	source, err := a.keys(entry)
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
func (a *authentication) keys(entry *v1alpha1.Authentication) (keys.Source, error) {
	switch jwt := entry.JWT; {
	case jwt.HMAC != nil:
		return a.mounted(entry, keys.ParseHMACFiles), nil
	case jwt.JWKS != nil && jwt.JWKS.SecretRef != nil:
		return a.mounted(entry, keys.ParseSetFiles), nil
	case jwt.JWKS != nil:
		lease, err := a.asking.authorities.Lease(keys.RemoteConfig{URL: jwt.JWKS.URL, CA: a.asking.authorities.ca, Authority: authorityOf(jwt.JWKS.CA)})
		if err != nil {
			return nil, err
		}
		a.leases = append(a.leases, lease)
		a.useCA(entry, lease.Trust)
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

// use calls a function with what is in an entry's Secret, now and when it changes.
func (a *authentication) use(entry *v1alpha1.Authentication, f func(files map[string][]byte)) {
	a.useMount(entry.Secret(), func(files map[string][]byte) {
		if files != nil { // otherwise nothing is known of them
			f(files)
		}
	})
}

func (a *authentication) useMount(folder string, f func(files map[string][]byte)) {
	m := a.mounts[folder]
	if m == nil {
		m = &mount{}
		a.mounts[folder] = m
	}
	m.users = append(m.users, f)
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
