// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"errors"

	jsonv2 "github.com/go-json-experiment/json"
)

// earliest is in March 1973: what is less is a number of seconds, which would revoke nothing.
const earliest = 100_000_000_000

// request is what a program wants to be revoked: a user, an id, or everything issued before a time.
// docs/how-to/authenticate.md describes it.
type request struct {
	// Entry is the entry of spec.authentication whose tokens are meant; all if absent.
	Entry string `json:"entry"`
	User  string `json:"user"`
	ID    string `json:"id"`
	// IssuedBefore is in milliseconds since 1970. It goes with a user, too.
	IssuedBefore int64 `json:"issuedBefore"`
	// Lift ends an earlier revocation of exactly the same.
	Lift bool `json:"lift"`
}

// maxName bounds the names in a request, in bytes.
const maxName = 1024

func parseRequest(data []byte) (*request, error) {
	r := &request{}
	if err := jsonv2.Unmarshal(data, r, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, errors.New(`the document is no JSON object of "entry", "user", "id", "issuedBefore" and "lift"`)
	}
	switch {
	case max(len(r.Entry), len(r.User), len(r.ID)) > maxName:
		return nil, errors.New("a name is longer than 1024 bytes")
	case r.User != "" && r.ID != "":
		return nil, errors.New(`"user" and "id" are given: revoke one after the other`)
	case r.ID != "" && r.IssuedBefore != 0:
		return nil, errors.New(`"issuedBefore" does not go with "id", which is one token`)
	case r.User == "" && r.ID == "" && r.IssuedBefore == 0:
		return nil, errors.New(`one of "user", "id" and "issuedBefore" must be given`)
	case r.IssuedBefore != 0 && r.IssuedBefore < earliest:
		return nil, errors.New(`"issuedBefore" must be milliseconds since 1970, and not seconds as in a token`)
	}
	return r, nil
}

func (r *request) key() string {
	switch {
	case r.User != "":
		return userKey(r.Entry, r.User)
	case r.ID != "":
		return idKey(r.Entry, r.ID)
	}
	return issuedKey(r.Entry)
}

func (r *request) value() value { return value{Before: r.IssuedBefore} }
