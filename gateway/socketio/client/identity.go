// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Identity is who a client is, as whatever has authenticated it states. It says nothing of what the
// application keeps of the client: that is Socket.Data, which the client's own events may change.
type Identity struct {
	// Provider names what has authenticated the client, such as an entry of the configuration. The same
	// user of two providers is two users.
	Provider string `json:"provider,omitempty"`
	// User is the person or the device, as the provider names it: the subject of a token, for example.
	// Required.
	User string `json:"user"`
	// Claims are what else is stated of the client, as a JSON object; nil for nothing.
	Claims json.RawMessage `json:"claims,omitempty"`
	// Expires is when the statement ends; zero for never. Nothing happens by itself then.
	Expires time.Time `json:"expires,omitzero"`
}

// Same reports whether two identities are of the same user. Claims and expiry may differ: a client that has
// renewed its token is the one that it was. A nil Identity is that of an anonymous client; all of them are
// the same.
func (i *Identity) Same(other *Identity) bool {
	if i == nil || other == nil {
		return i == other
	}
	return i.Provider == other.Provider && i.User == other.User
}

// Check returns an error for an identity without a user, one whose claims are no JSON object, and one that
// takes more bytes than that as JSON.
func (i *Identity) Check(most int) error {
	if i.User == "" {
		return errors.New("there is no user")
	}
	if claims := bytes.TrimSpace(i.Claims); len(claims) > 0 && claims[0] != '{' {
		return errors.New("the claims are no JSON object")
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
