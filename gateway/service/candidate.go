// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"context"
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/service/quota"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// candidate is a client that wants to connect to a namespace which asks who it is.
type candidate struct {
	runtime        *Runtime
	program        *Program
	authentication *authentication
	socket         *socketio.Socket
	params         map[string]string // of a dynamic namespace
	// first is the first request of the connection; nil until somebody looks at it.
	first *http.Request
	// shown is what the authenticators are asked about; nil before that.
	shown *identity.Request
	// token is what the client of a connected socket has shown; empty for one that connects.
	token string
	span  *tracing.Span // nil if the handshake is not traced
}

// candidate is a client under the program in force; nil if its namespace admits everybody.
func (r *Runtime) candidate(s *socketio.Socket) *candidate {
	program := r.program.Load()
	ns, params := program.find(s.Namespace().Name())
	if ns == nil || ns.authentication == nil {
		return nil
	}
	return &candidate{runtime: r, program: program, authentication: ns.authentication, socket: s, params: params}
}

// verdict is what the authenticators say of a client. The index is that of the entry which has
// decided, -1 if none has.
type verdict struct {
	index     int
	statement *identity.Statement
	err       error
}

// ask has the authenticators judge the client.
func (c *candidate) ask(ctx context.Context) (v verdict) {
	switch {
	case c.shown != nil:
	case ctx == identity.AtOnce:
		c.shown = c.request()
	default:
		apart.Do(func() { // the stack of a client that waits should stay small
			c.shown = c.request()
			c.shorten()
		})
	}
	v.index, v.statement, v.err = c.authentication.chain.Authenticate(ctx, c.shown)
	return v
}

// shorten keeps of a client that is about to wait no more than what is asked about.
func (c *candidate) shorten() {
	c.first = nil
	c.shown = c.shown.Only(c.authentication.locations, c.authentication.headers, c.authentication.query)
}

func (c *candidate) request() *identity.Request {
	request := &identity.Request{Auth: c.socket.Auth()}
	if c.authentication.request {
		request = identity.FromHTTP(c.firstRequest(), c.socket.Auth())
	}
	request.Service, request.Namespace, request.Token = c.authentication.service, c.socket.Namespace().Name(), c.token
	return request
}

func (c *candidate) firstRequest() *http.Request {
	if c.first == nil {
		h, kept := c.socket.Request(tokensKey{})
		tokens, _ := kept.(http.Header)
		c.first = eval.FirstRequest(h, tokens)
	}
	return c.first
}

// hideTokens has the socket keep its auth payload without tokens: nobody verifies them again, and
// no expression should be able to tell them.
func (c *candidate) hideTokens() {
	c.socket.SetAuth(identity.Hide(c.authentication.locations, c.socket.Auth()))
}

// decided counts the result, which is an entry's or nobody's, and ends the span.
func (c *candidate) decided(entry, result string) {
	c.runtime.authentications.WithLabelValues(entry, result).Inc()
	if c.span == nil {
		return
	}
	c.span.Set(tracing.Namespace, c.runtime.bindingOf(c.program, c.socket).label)
	c.span.Set(tracing.Entry, entry)
	c.span.Set(tracing.Result, result)
	c.span.End(false)
}

// admit gives the socket the identity that an entry has stated, if the entry allows it.
func (c *candidate) admit(entry *authenticationEntry, stated *identity.Statement) error {
	id, err := c.identify(entry, stated)
	if err != nil {
		return err
	}
	if err := c.socket.SetIdentity(id); err != nil {
		return unusable(err)
	}
	return nil
}

// unusable is the refusal of an identity that is too large.
func unusable(err error) error {
	return &identity.Error{Code: identity.TokenInvalid, Reason: "the identity cannot be used", Err: err}
}

// identify makes an identity of what an entry has stated, if the entry allows it.
func (c *candidate) identify(entry *authenticationEntry, stated *identity.Statement) (socketio.Identity, error) {
	statement := *stated
	statement.Claims = bytes.TrimSpace(stated.Claims)
	user, err := c.evaluate(entry, &statement)
	if err == nil && user == "" {
		err = identity.Refuse(identity.TokenInvalid, "the token names no user")
	}
	id := socketio.Identity{
		Provider: entry.name, User: user, Claims: statement.Claims, Expires: statement.Expires,
		TokenID: statement.ID, Issued: statement.IssuedAt,
	}
	if err == nil {
		err = c.runtime.judgeToken(&id)
	}
	return id, err
}

// tokensKey is the key of the headers with tokens that a session keeps.
type tokensKey struct{}

// SessionContext has a session keep what may be needed of headers that are too long to be kept
// (engineio.Config.SessionContext): the tokens in them, where the program in force looks for them.
// They stay as long as the connection, since its client can connect to further namespaces at any
// time, and leave one and come back. A request has 16 KiB of headers at most.
func (r *Runtime) SessionContext(first *http.Request) context.Context {
	locations := r.program.Load().authentication.locations
	if len(locations) == 0 || identity.AllInAuth(locations) {
		return context.Background()
	}
	long := http.Header{}
	for _, name := range engineio.LeftOut(first) {
		long[name] = first.Header[name]
	}
	tokens := identity.Excerpt(locations, long)
	if tokens == nil {
		return context.Background()
	}
	return context.WithValue(context.Background(), tokensKey{}, tokens)
}

// waitToAuthenticate asks who a client is, and waits for the answer, in a goroutine of the client's
// own. Who is waited for bounds the wait, and it ends with the connection. A program that has come
// into force meanwhile is asked, too: the client has not been admitted yet.
func (r *Runtime) waitToAuthenticate(c *candidate) (refused error) {
	ctx := trace.NewContext(c.socket.ConnectionContext(), c.span.Place())
	for {
		v := c.ask(ctx)
		next := r.candidate(c.socket)
		if next != nil && next.authentication != c.authentication && ctx.Err() == nil {
			next.span, c = c.span, next
			continue
		}
		if next != nil { // otherwise everybody may connect by now; many waits may end at once
			c.socket.Compute(func() { refused = r.judge(c, v) })
		}
		c.span.End(false) // unless it has been decided
		return quota.Settled(refused)
	}
}
