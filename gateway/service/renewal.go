// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A socket may renew its token renewalBurst times at once, and once per renewalPause after that:
// each costs the check of a signature.
const (
	renewalBurst = 5
	renewalPause = 10 * time.Second
)

// codeRateLimited is the code of a renewal that comes too soon.
const codeRateLimited = "rate_limited"

// renewals bounds the renewals of a socket, by the time at which all would have been due if they
// had come at the pace (the generic cell rate algorithm), in nanoseconds since 1970.
type renewals int64

// take returns how long the client has to wait; 0 if it need not.
func (r *renewals) take(now time.Time) time.Duration {
	due := max(int64(*r), now.UnixNano())
	if ahead := time.Duration(due - now.UnixNano()); ahead > (renewalBurst-1)*renewalPause {
		return ahead - (renewalBurst-1)*renewalPause
	}
	*r = renewals(due + int64(renewalPause))
	return 0
}

// renewalAnswer is the acknowledgement of renew_token.
type renewalAnswer struct {
	OK bool `json:"ok,omitempty"`
	// Expires is when the token expires, in milliseconds since 1970; nil for one that does not.
	Expires *int64        `json:"expires,omitempty"`
	Error   *renewalError `json:"error,omitempty"`
}

type renewalError struct {
	// Code is one of those of connect_error, or rate_limited.
	Code string `json:"code"`
	// RetryAfter is in milliseconds.
	RetryAfter int64 `json:"retryAfter,omitempty"`
}

// renew judges the token that the client of a connected socket has shown. It is not an event of the
// application: no handler sees it. While somebody verifies the token, the socket's next events
// wait, so that they are judged by the new claims.
func (c *client) renew(b *binding, ev *socketio.Event) {
	reply, err := ev.ClaimAck()
	if err != nil {
		reply = func(socketio.Args) error { return nil } // the client does not ask for an answer
	}
	answer := func(result string, a renewalAnswer) {
		c.runtime.renewed.WithLabelValues(result).Inc()
		if args, err := socketio.NewArgs(a); err == nil { // it always encodes
			_ = reply(args) // fails if the client has gone
		}
	}
	if wait := c.renewals.take(time.Now()); wait > 0 {
		answer(codeRateLimited, renewalAnswer{Error: &renewalError{codeRateLimited, max(1, wait.Milliseconds())}})
		return
	}
	id, token := socketio.Identity{}, renewalToken(ev.Args)
	c.socket.After(func() { id, err = c.prove(b, token) }, func() {
		if err == nil {
			err = c.take(b, id)
		}
		if err != nil {
			code := string(identity.AsError(err).Code)
			c.runtime.log.Debug("a token is not renewed", "socket", c.socket.LogID(), "error", err)
			answer(code, renewalAnswer{Error: &renewalError{Code: code}})
			return
		}
		a := renewalAnswer{OK: true}
		if !id.Expires.IsZero() {
			expires := id.Expires.UnixMilli()
			a.Expires = &expires
		}
		answer(resultOK, a)
	})
}

// renewalToken is the token in the argument {token} of renew_token; empty if there is none.
func renewalToken(args socketio.Args) string {
	var shown struct {
		Token string `json:"token"`
	}
	if err := args.Decode(0, &shown); err != nil {
		return ""
	}
	return shown.Token
}

// prove returns who a token says that the client is. It may wait for the network.
func (c *client) prove(b *binding, token string) (id socketio.Identity, err error) {
	defer c.runtime.panics.Catch(placeHandler)
	err = identity.NotAvailable("the authenticator has panicked", nil) // unless it returns
	held := c.socket.Identity()
	switch {
	case token == "":
		return id, identity.Refuse(identity.TokenMissing, "there is no token")
	case held == nil:
		return id, identity.Refuse(identity.Forbidden, "an anonymous client stays anonymous")
	}
	a := b.namespace.authentication
	candidate := newCandidate(c.runtime, a, c.socket, b.params)
	candidate.token = token
	index, statement, refused := candidate.ask()
	if refused != nil {
		return id, refused
	}
	return candidate.identify(a.entries[index], statement)
}

// take gives the socket a newer identity, and judges it by that, in its turn.
func (c *client) take(b *binding, id socketio.Identity) error {
	err := c.socket.RenewIdentity(id)
	switch {
	case errors.Is(err, socketio.ErrOtherUser):
		return &identity.Error{Code: identity.Forbidden, Reason: "the token is another user's", Err: err}
	case err != nil:
		return unusable(err)
	}
	c.runtime.endIfRevoked(c.socket) // it may have been revoked since it was judged
	if !c.socket.Connected() {
		return nil // OnDisconnect has ended the tenure, or will
	}
	if c.tenure == nil {
		c.tenure = c.runtime.tenures.Begin(c.socket)
	} else {
		c.tenure.Renew()
	}
	c.runtime.expelFrom(c.socket)
	b.touchPresence(c.socket)
	return nil
}
