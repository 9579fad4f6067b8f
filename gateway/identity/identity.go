// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Authenticator says who a client is. Implementations are safe for concurrent use.
type Authenticator interface {
	// Authenticate returns what is known of a client, or an *Error. It may wait for the network, at
	// most until the context ends; with AtOnce it does not wait.
	Authenticate(ctx context.Context, r *Request) (*Statement, error)
}

// Verifier judges a token, wherever it was found. Implementations are safe for concurrent use.
type Verifier interface {
	// Verify returns what a token states, or an *Error. It may wait for the network, at most until
	// the context ends; with AtOnce it does not wait.
	Verify(ctx context.Context, token string) (*Statement, error)
}

// ErrWaits is the cause of an *Error of somebody who was asked with the context AtOnce, and would
// have to wait for the network to know.
var ErrWaits = errors.New("the answer has to be waited for")

// AtOnce is a context that has ended already, because of ErrWaits: those who are asked with it wait
// for nobody. The caller can ask again where waiting holds nothing that others need.
var AtOnce = atOnce()

func atOnce() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(ErrWaits)
	return ctx
}

// Request is what a client has shown when it connected. It is not changed.
type Request struct {
	// Service and Namespace are what the client wants to connect to.
	Service, Namespace string
	// Address is the client's IP address.
	Address string
	// Header and Query are those of the connection's first request.
	Header http.Header
	Query  url.Values
	// Auth is the payload of the CONNECT packet, a JSON object; nil if there is none.
	Auth json.RawMessage
	// Token is what a connected client has shown to renew its token: it counts instead of those at
	// all locations. Empty for a client that connects.
	Token string
}

// FromHTTP returns the request of a client whose connection began with r. The address is the
// peer's.
func FromHTTP(r *http.Request, auth json.RawMessage) *Request {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	return &Request{Address: address, Header: r.Header, Query: r.URL.Query(), Auth: auth}
}

// Only returns a request that has what is at some locations, and some headers and query parameters,
// which takes less memory while it is waited for.
func (r *Request) Only(locations []Location, headers, query []string) *Request {
	only := &Request{Service: r.Service, Namespace: r.Namespace, Address: r.Address, Auth: r.Auth, Token: r.Token}
	only.Header = Excerpt(locations, r.Header)
	for _, name := range headers {
		name = http.CanonicalHeaderKey(name)
		if values := r.Header[name]; len(values) > 0 {
			if only.Header == nil {
				only.Header = http.Header{}
			}
			only.Header[name] = values
		}
	}
	keep := func(name string) {
		if values := r.Query[name]; len(values) > 0 {
			if only.Query == nil {
				only.Query = url.Values{}
			}
			only.Query[name] = values
		}
	}
	for _, l := range locations {
		if l.kind == inQuery {
			keep(l.name)
		}
	}
	for _, name := range query {
		keep(name)
	}
	return only
}

// Statement is what an authenticator knows of a client. It is not changed.
type Statement struct {
	// User is the user as a Secret or a webhook names it. Empty for a JWT, of which the manifest
	// says which claim is the user.
	User string
	// Claims are a JSON object, byte for byte as it was signed; nil for none. Names in it are
	// unique and it is valid UTF-8.
	Claims json.RawMessage
	// Subject and ID are the claims "sub" and "jti" of a JWT; empty if absent.
	Subject, ID string
	// IssuedAt is the claim "iat"; zero if absent.
	IssuedAt time.Time
	// Expires is when the statement ends, without any leeway; zero for never.
	Expires time.Time
}

// ByToken is an authenticator that finds a token and has it verified.
func ByToken(locations []Location, v Verifier) Authenticator { return &byToken{locations, v} }

type byToken struct {
	locations []Location
	verifier  Verifier
}

func (a *byToken) Authenticate(ctx context.Context, r *Request) (*Statement, error) {
	token, err := Find(a.locations, r)
	if err != nil {
		return nil, err
	}
	return a.verifier.Verify(ctx, token)
}

// Chain are several authenticators in order. The first that recognizes the client's token decides,
// whether it accepts or refuses it. An unavailable one decides, too, since it might have recognized
// the token, unless its error is Unrecognized: then most tokens are not for it.
type Chain []Authenticator

// noToken is the refusal of a client that has shown no token to anybody. It is one for all: clients
// wait while it is in use.
var noToken = Refuse(TokenMissing, "there is no token")

// Authenticate returns the decision, and the index of who has made it. The index is -1 if nobody
// recognizes a token. The error is then that of one that cannot know now, or else the first that is
// not about a missing one: TokenMissing means that the client has shown no token to anybody.
func (c Chain) Authenticate(ctx context.Context, r *Request) (int, *Statement, error) {
	refusal := noToken
	for i, a := range c {
		s, err := a.Authenticate(ctx, r)
		if err == nil {
			return i, s, nil
		}
		switch e := AsError(err); {
		case e.Code == TokenMissing:
		case !e.Unrecognized:
			return i, nil, e
		case refusal.Code == TokenMissing, e.Code == Unavailable:
			refusal = e
		}
	}
	return -1, nil, refusal
}
