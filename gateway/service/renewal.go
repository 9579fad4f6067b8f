// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/service/tenure"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// renew judges the token that the client of a connected socket has shown. It is not an event of the
// application: no handler sees it. While somebody verifies the token, the socket's next events
// wait, so that they are judged by the new claims.
func (c *client) renew(b *binding, ev *socketio.Event) {
	reply, err := ev.ClaimAck()
	if err != nil {
		reply = func(socketio.Args) error { return nil } // the client does not ask for an answer
	}
	answer := func(result string, a tenure.Answer) {
		c.runtime.tenures.CountRenewal(result)
		if args, err := socketio.NewArgs(a); err == nil { // it always encodes
			_ = reply(args) // fails if the client has gone
		}
	}
	if wait := c.renewals.Take(c.runtime.now()); wait > 0 {
		answer(tenure.CodeRateLimited, tenure.TooSoon(wait))
		return
	}
	c.judgeRenewal(b, tenure.Token(ev.Args), func(id socketio.Identity, err error) {
		if err != nil {
			code := string(identity.AsError(err).Code)
			c.runtime.log.Debug("a token is not renewed", c.socket.LogAttr(), "error", err)
			answer(code, tenure.Refused(code))
			return
		}
		answer(resultOK, tenure.Renewed(id.Expires))
	})
}

// judgeRenewal gives the socket the identity of a token. Who verifies it may be waited for, and a
// program that has come into force meanwhile is asked, too.
func (c *client) judgeRenewal(b *binding, token string, done func(socketio.Identity, error)) {
	var id socketio.Identity
	var err error
	c.socket.After(func() { id, err = c.prove(b, token) }, func() {
		switch now := c.currentBinding(); {
		case !now.authenticates():
			err = identity.Refuse(identity.Forbidden, "the namespace asks for no tokens any more")
		case now.namespace.authentication != b.namespace.authentication && c.socket.Connected():
			c.judgeRenewal(now, token, done)
			return
		case err == nil:
			err = c.take(now, id)
		}
		done(id, err)
	})
}

// authenticates reports whether the namespace asks for tokens.
func (b *binding) authenticates() bool {
	return b.namespace != nil && b.namespace.authentication != nil
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
	renewing := &candidate{
		runtime: c.runtime, program: b.program, authentication: a, socket: c.socket, params: b.params, token: token,
	}
	v := renewing.ask(c.socket.ConnectionContext())
	if v.err != nil {
		return id, v.err
	}
	return renewing.identify(a.entries[v.index], v.statement)
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
	c.runtime.tenures.EndIfRevoked(c.socket) // it may have been revoked since it was judged
	if !c.socket.Connected() {
		return nil // OnEnd has ended the tenure, or will
	}
	if t := c.tenure.Load(); t != nil {
		t.Renew()
	} else {
		c.beginTenure()
	}
	c.runtime.expelFrom(c.socket)
	b.touchPresence(c.socket)
	return nil
}

// beginTenure watches when the socket's token expires. A takeover ends the socket at any time.
func (c *client) beginTenure() {
	t := c.runtime.tenures.Begin(c.socket)
	c.tenure.Store(t)
	if !c.socket.Connected() { // OnEnd may have been too early to end it
		t.End()
	}
}
