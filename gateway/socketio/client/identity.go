// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// Identity is the user of a client, as an authenticator states it. What the application stores
// about the client is not part of it: that is Socket.Data, which the client's own events may
// change.
type Identity struct {
	// Provider names the authenticator, such as an entry of the configuration. Equal users of
	// different providers are different users.
	Provider string `json:"provider,omitempty"`
	// User is the name of the person or device at the provider, such as the subject of a token.
	// Required.
	User string `json:"user"`
	// Claims are further statements about the client, as a JSON object; nil if there are none.
	Claims json.RawMessage `json:"claims,omitempty"`
	// Expires is when the statement ends; zero for never. Nothing happens automatically at that
	// time.
	Expires time.Time `json:"expires,omitzero"`
	// TokenID and Issued are the id of the token that states this, and when it was issued; empty
	// and zero if the token does not say so. By them a token can be revoked.
	TokenID string    `json:"jti,omitempty"`
	Issued  time.Time `json:"issued,omitzero"`
}

var (
	// ErrIdentitySet is returned if the socket already has an identity, or is connected.
	ErrIdentitySet = errors.New("the identity of a socket is set once, before it connects")
	// ErrOtherUser is returned if the identity of a socket would become another user's.
	ErrOtherUser = errors.New("the identity is another user's")
)

// Holder holds the identity of a socket; the zero value that of an anonymous client. Safe for
// concurrent use.
type Holder struct{ held atomic.Pointer[Identity] }

// Get returns the identity, which must not be changed; nil for an anonymous client.
func (h *Holder) Get() *Identity { return h.held.Load() }

// Restore sets the identity of a client that has come back.
func (h *Holder) Restore(id *Identity) { h.held.Store(id) }

// Set sets the identity once, or returns ErrIdentitySet or the error of Check.
func (h *Holder) Set(id Identity, most int) error {
	if err := id.Check(most); err != nil {
		return fmt.Errorf("set the identity of a socket: %w", err)
	}
	if !h.held.CompareAndSwap(nil, &id) {
		return ErrIdentitySet
	}
	return nil
}

// Renew replaces the identity by another one of the same user, or returns ErrOtherUser or the error
// of Check. An anonymous client stays anonymous.
func (h *Holder) Renew(id Identity, most int) error {
	if err := id.Check(most); err != nil {
		return fmt.Errorf("renew the identity of a socket: %w", err)
	}
	if held := h.held.Load(); held == nil || !held.Same(&id) {
		return ErrOtherUser
	}
	h.held.Store(&id)
	return nil
}

// Room returns the room with all sockets of the user; "" for nil, an anonymous client.
func (i *Identity) Room() string {
	if i == nil {
		return ""
	}
	return userroom.Of(i.Provider, i.User)
}

// Same reports whether two identities are of the same user. Claims and expiry may differ: a client
// that has renewed its token is still the same. A nil Identity stands for an anonymous client; all
// of these are the same.
func (i *Identity) Same(other *Identity) bool {
	if i == nil || other == nil {
		return i == other
	}
	return i.Provider == other.Provider && i.User == other.User
}

// Check returns an error if there is no user, if the claims are not a JSON object, or if the
// identity takes more than most bytes as JSON.
func (i *Identity) Check(most int) error {
	if i.User == "" {
		return errors.New("there is no user")
	}
	if claims := bytes.TrimSpace(i.Claims); len(claims) > 0 && claims[0] != '{' {
		return errors.New("the claims are no JSON object")
	}
	if fits, err := i.surelyFits(most); fits || err != nil {
		return err
	}
	encoded, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if len(encoded) > most {
		return fmt.Errorf("it takes %d bytes, more than %d", len(encoded), most)
	}
	return nil
}

const (
	// longestByte is how many bytes one takes in JSON at most: \u003c.
	longestByte = 6
	// othersBytes is what an identity takes at most besides its texts and claims.
	othersBytes = 256
)

// surelyFits is for most identities, which are small: it reports whether one has at most so many
// bytes as JSON, however it is written. It fails for what has no JSON.
func (i *Identity) surelyFits(most int) (bool, error) {
	if othersBytes+longestByte*(len(i.Provider)+len(i.User)+len(i.TokenID)+len(i.Claims)) > most {
		return false, nil
	}
	if len(i.Claims) > 0 && jsonscan.Check(i.Claims) != nil {
		return false, errors.New("the claims are no JSON")
	}
	var buf [64]byte
	for _, t := range []time.Time{i.Expires, i.Issued} {
		if _, err := t.AppendText(buf[:0]); err != nil {
			return false, err
		}
	}
	return true, nil
}
