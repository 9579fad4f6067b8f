// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/service/quota"
	"github.com/realtime-operator/realtime-operator/gateway/service/tenure"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// Authenticators verify the tokens of clients, by the names of the entries of spec.authentication.
type Authenticators map[string]identity.Authenticator

// Locations are where the tokens of an entry may be.
func Locations(entry *v1alpha1.Authentication) ([]identity.Location, error) {
	from := entry.Locations()
	list := make([]string, len(from))
	for i, location := range from {
		list[i] = string(location)
	}
	return identity.ParseLocations(list)
}

// authenticationEntry is an entry of spec.authentication, ready to run.
type authenticationEntry struct {
	name, message string
	authenticator identity.Authenticator
	// allow and user are nil if all are allowed, and if the token names the user.
	allow, user cel.Program
	// request reports whether the first request of the connection is looked at to know the client.
	request bool
	expiry  tenure.Policy
	// admitsOnFailure reports whether a client of which nothing can be said is admitted, without an
	// identity.
	admitsOnFailure bool
	// locations, headers and query are what of the first request is looked at.
	locations      []identity.Location
	headers, query []string
}

// authentication says who the clients of a namespace are.
type authentication struct {
	service string // NAMESPACE/NAME
	entries []*authenticationEntry
	chain   identity.Chain
	// anonymous reports whether clients without a token are admitted.
	anonymous bool
	// request reports whether any entry looks at the first request of the connection to know a
	// client; these are what they look at.
	request        bool
	locations      []identity.Location
	headers, query []string
}

// authenticationEntries are those of a service, with the places of their tokens.
type authenticationEntries struct {
	service   string
	byName    map[string]*authenticationEntry
	locations []identity.Location
}

func compileAuthentication(svc *v1alpha1.RealtimeService, authenticators Authenticators) (authenticationEntries, error) {
	entries := svc.Spec.Authentication
	all := authenticationEntries{service: svc.Namespace + "/" + svc.Name, byName: make(map[string]*authenticationEntry, len(entries))}
	for i := range entries {
		source := &entries[i]
		locations, err := Locations(source)
		if err != nil {
			return all, fmt.Errorf("authentication %s: %w", source.Name, err)
		}
		entry, err := compileAuthenticationEntry(source, locations)
		if err != nil {
			return all, fmt.Errorf("authentication %s: %w", source.Name, err)
		}
		if entry.authenticator = authenticators[source.Name]; entry.authenticator == nil {
			return all, fmt.Errorf("authentication %s: nobody verifies its tokens", source.Name)
		}
		all.byName[source.Name] = entry
		all.locations = append(all.locations, locations...)
	}
	return all, nil
}

func compileAuthenticationEntry(source *v1alpha1.Authentication, locations []identity.Location) (*authenticationEntry, error) {
	entry := &authenticationEntry{
		name: source.Name, message: cmp.Or(source.Message, "Unauthorized"),
		request: !identity.AllInAuth(locations), locations: locations,
		expiry: tenure.PolicyOf(source),
	}
	if asked := source.Request(); asked != nil {
		entry.request = true // its address is told
		entry.headers, entry.query = asked.Forward.Headers, asked.Forward.Query
		entry.admitsOnFailure = asked.OnFailure == v1alpha1.OnFailureAllow
	}
	var err error
	if source.Allow != "" {
		if entry.allow, err = expression.Compile(expression.Client, string(source.Allow)); err != nil {
			return nil, fmt.Errorf("allow: %w", err)
		}
	}
	if source.User != "" {
		if entry.user, err = expression.Compile(expression.User, string(source.User)); err != nil {
			return nil, fmt.Errorf("user: %w", err)
		}
	}
	return entry, nil
}

// of returns the authentication of a namespace; nil for one that admits everybody.
func (a *authenticationEntries) of(names []string, anonymous bool) *authentication {
	if len(names) == 0 {
		return nil
	}
	of := &authentication{service: a.service, anonymous: anonymous}
	for _, name := range names {
		entry := a.byName[name] // is there, as Validate has seen to
		of.entries = append(of.entries, entry)
		of.chain = append(of.chain, entry.authenticator)
		of.request = of.request || entry.request
		of.locations = append(of.locations, entry.locations...)
		of.headers, of.query = append(of.headers, entry.headers...), append(of.query, entry.query...)
	}
	return of
}

// The results of an authentication that are no refusals, for metrics.
const (
	resultOK        = "ok"
	resultAnonymous = "anonymous"
)

// authenticate says who a client is that wants to connect to a namespace, or comes back to it, by
// the program in force. If somebody has to be waited for, it returns a function that does.
func (r *Runtime) authenticate(s *socketio.Socket) (wait func() error, err error) {
	c := r.candidate(s)
	if c == nil {
		return nil, nil
	}
	_, handshake := s.Origin()
	c.span = r.tracer.Continue(tracing.SpanAuthenticate, tracing.Client, handshake)
	v := c.ask(identity.AtOnce)
	if errors.Is(v.err, identity.ErrWaits) {
		c.shorten()
		return func() error { return r.waitToAuthenticate(c) }, nil
	}
	return quota.Doubted(r.judge(c, v))
}

// judge admits a client by a verdict, or says why it is refused.
func (r *Runtime) judge(c *candidate, v verdict) error {
	c.hideTokens()
	a, err := c.authentication, v.err
	switch {
	case err == nil:
		err = c.admit(a.entries[v.index], v.statement)
	case v.index < 0 && a.anonymous && identity.AsError(err).Code == identity.TokenMissing:
		c.decided("", resultAnonymous)
		return nil
	case v.index >= 0 && a.entries[v.index].admitsOnFailure && identity.AsError(err).Code == identity.Unavailable:
		r.logRefused(c, nobodyKnows, a.entries[v.index].name, identity.AsError(err))
		c.decided(a.entries[v.index].name, resultAnonymous)
		return nil
	}
	if err != nil {
		return r.refuse(c, v.index, identity.AsError(err))
	}
	c.decided(a.entries[v.index].name, resultOK)
	if !quota.LimitsConnections(c.program.rates) {
		return nil
	}
	return r.quota.Enter(&r.clientOf(c.socket).meter, c.program.rates, c.socket)
}

// refuse makes of a refusal what the client is told. It has the message of a program that refuses,
// or else of the entry that has decided; if nobody recognizes the token, of the first.
func (r *Runtime) refuse(c *candidate, index int, refused *identity.Error) error {
	label, entry := "", c.authentication.entries[max(index, 0)]
	if index >= 0 {
		label = entry.name
	}
	c.decided(label, string(refused.Code))
	switch refused.Code {
	case identity.Unavailable:
		r.logRefused(c, nobodyKnows, entry.name, refused)
	case identity.TokenInvalid: // clients are not told why
		r.logRefused(c, "a client's token is refused", label, refused)
	}
	r.log.Debug("a client is refused", "namespace", c.socket.Namespace().Name(), c.socket.LogAttr(), "entry", label, "error", refused)
	return &socketio.ConnectError{Message: cmp.Or(refused.Message, entry.message), Data: map[string]string{"code": string(refused.Code)}}
}

const nobodyKnows = "nobody can say who a client is"

func (r *Runtime) logRefused(c *candidate, text, entry string, refused *identity.Error) {
	r.logLimit.Warn(r.log.With("entry", entry), [2]string{entry, text}, text, c.socket.LogAttr(), "error", refused)
}

// logFailure says that an expression cannot judge a client. What it has failed at may be a claim,
// so that only the limit of work is told.
func (r *Runtime) logFailure(s *socketio.Socket, entry, name string, err error) {
	reason := "its evaluation fails, perhaps because a claim is missing"
	var exceeded *expression.WorkError
	switch {
	case err == nil:
		reason = "it yields no name"
	case errors.As(err, &exceeded):
		reason = "it does more work than is allowed"
		r.limitHits.WithLabelValues("", authenticationPlace(entry), name).Inc()
	}
	r.logLimit.Warn(r.log.With("entry", entry, "expression", name), [3]string{"an expression", entry, name},
		"an expression fails, and refuses a client", s.LogAttr(), "reason", reason)
}

// authenticationPlace is where a manifest has an entry, for metrics.
func authenticationPlace(entry string) string { return "authentication." + entry }

// evaluate is for expressions of an entry that are about a client.
func (c *candidate) evaluate(entry *authenticationEntry, statement *identity.Statement) (user string, err error) {
	user = cmp.Or(statement.User, statement.Subject)
	if entry.allow == nil && entry.user == nil {
		return user, nil
	}
	v := &eval.Client{
		Request:   eval.Request{HTTP: c.firstRequest(), Now: time.Now()},
		Namespace: c.socket.Namespace().Name(), Params: c.params, Claims: statement.Claims,
	}
	if entry.allow != nil {
		allowed, err := v.Condition(entry.allow)
		if err != nil {
			c.runtime.logFailure(c.socket, entry.name, "allow", err)
		}
		if !allowed {
			return "", identity.Refuse(identity.Forbidden, "allow is not true")
		}
	}
	if entry.user != nil {
		if user, err = v.Text(entry.user); err != nil || user == "" {
			c.runtime.logFailure(c.socket, entry.name, "user", err)
			return "", identity.Refuse(identity.Forbidden, "user yields no name")
		}
	}
	return user, nil
}

// expiryPolicy is that of an entry, by the program in force.
func (r *Runtime) expiryPolicy(entry string) tenure.Policy {
	if e := r.program.Load().authentication.byName[entry]; e != nil {
		return e.expiry
	}
	return tenure.Default
}

// expiryChanged reports whether clients of a namespace may stay for another time than before.
func expiryChanged(before, after *Program) bool {
	return !maps.EqualFunc(before.authentication.byName, after.authentication.byName, func(a, b *authenticationEntry) bool {
		return a.expiry == b.expiry
	})
}

// renewTenures has the sockets of a namespace stay for as long as the program in force says.
func (r *Runtime) renewTenures(ns *socketio.Namespace) {
	for _, s := range ns.Sockets() {
		s.InTurn(func() {
			if c, ok := s.Listener().(*client); ok {
				c.tenure.Load().Renew()
			}
		})
	}
}

// judgeToken returns a refusal for a token that is revoked, or of which that is not known yet.
func (r *Runtime) judgeToken(id *socketio.Identity) error {
	if r.revoked == nil {
		return nil
	}
	return r.revoked(id)
}

// isRevoked reports whether a token is revoked. One of which that is not known is not.
func (r *Runtime) isRevoked(id *socketio.Identity) bool {
	err := r.judgeToken(id)
	return err != nil && identity.AsError(err).Code != identity.Unavailable
}

// EndRevoked closes the connections of all sockets whose tokens are revoked.
func (r *Runtime) EndRevoked() {
	r.EachNamespace(func(ns *socketio.Namespace) {
		for _, s := range ns.Sockets() {
			r.tenures.EndIfRevoked(s)
		}
	})
}
