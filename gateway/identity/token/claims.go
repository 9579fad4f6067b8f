// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
)

var errNotObject = errors.New("it is no JSON object")

// claims are those that are looked at (RFC 7519, section 4.1), as they are in the token; nil if
// absent. A null is there, and of a wrong type.
type claims struct {
	Issuer    jsontext.Value `json:"iss"`
	Subject   jsontext.Value `json:"sub"`
	Audience  jsontext.Value `json:"aud"`
	Expires   jsontext.Value `json:"exp"`
	NotBefore jsontext.Value `json:"nbf"`
	IssuedAt  jsontext.Value `json:"iat"`
	ID        jsontext.Value `json:"jti"`
}

// isFor tells whether the token is of the issuer and for one of the audiences.
func (c *claims) isFor(issuer string, audiences []string) error {
	if iss, ok := text(c.Issuer); !ok || iss != issuer {
		return identity.NotRecognized("the token is of another issuer")
	}
	var aud []string
	switch c.Audience.Kind() {
	case '"':
		one, _ := text(c.Audience)
		aud = []string{one}
	case '[':
		var list []jsontext.Value
		_ = jsonv2.Unmarshal(c.Audience, &list) // is valid JSON
		for _, v := range list {
			one, ok := text(v)
			if !ok {
				return identity.NotRecognized("the audience of the token is no string or list of strings")
			}
			aud = append(aud, one)
		}
	}
	if !slices.ContainsFunc(aud, func(a string) bool { return slices.Contains(audiences, a) }) {
		return identity.NotRecognized("the token is for another audience")
	}
	return nil
}

// statement is what the claims say at a time, give or take a leeway.
func (c *claims) statement(now time.Time, leeway time.Duration) (*identity.Statement, error) {
	invalid := func(reason string) (*identity.Statement, error) {
		return nil, identity.Refuse(identity.TokenInvalid, reason)
	}
	expires, ok := instant(c.Expires)
	if !ok {
		return invalid(`the claim "exp" is missing, or no number of seconds since 1970`)
	}
	notBefore, ok := instant(c.NotBefore)
	if !ok && c.NotBefore != nil {
		return invalid(`the claim "nbf" is no number of seconds since 1970`)
	}
	issued, ok := instant(c.IssuedAt)
	if !ok && c.IssuedAt != nil {
		return invalid(`the claim "iat" is no number of seconds since 1970`)
	}
	subject, ok := text(c.Subject)
	if !ok && c.Subject != nil {
		return invalid(`the claim "sub" is no string`)
	}
	id, ok := text(c.ID)
	if !ok && c.ID != nil {
		return invalid(`the claim "jti" is no string`)
	}
	switch {
	case !now.Before(expires.Add(leeway)):
		return nil, identity.Refuse(identity.TokenExpired, "the token has expired")
	case now.Add(leeway).Before(notBefore):
		return invalid("the token is not valid yet")
	case now.Add(leeway).Before(issued):
		return invalid("the token was issued in the future")
	}
	return &identity.Statement{Subject: subject, ID: id, IssuedAt: issued, Expires: expires}, nil
}

// text decodes a JSON string.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return "", false
	}
	s, err := jsontext.AppendUnquote(nil, v)
	return string(s), err == nil
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// instant decodes a JSON number of seconds since 1970.
func instant(v jsontext.Value) (time.Time, bool) {
	seconds, err := strconv.ParseFloat(string(v), 64) // of all JSON, it reads numbers alone
	if err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}
