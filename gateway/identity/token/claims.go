// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// claims are those that are looked at (RFC 7519, section 4.1), as they are in the token; nil if
// absent. A null is there, and of a wrong type.
type claims struct {
	issuer, subject, audience, expires, notBefore, issuedAt, id []byte
}

// readClaims reads claims. ok is false for data that are none.
func readClaims(data []byte) (c claims, ok bool) {
	object, ok := objectOf(data)
	if !ok {
		return c, false
	}
	for quoted, value := range jsonscan.Members(object) {
		switch string(unquoted(quoted)) {
		case "iss":
			c.issuer = value
		case "sub":
			c.subject = value
		case "aud":
			c.audience = value
		case "exp":
			c.expires = value
		case "nbf":
			c.notBefore = value
		case "iat":
			c.issuedAt = value
		case "jti":
			c.id = value
		}
	}
	return c, true
}

// isFor tells whether the token is of the issuer and for one of the audiences.
func (c *claims) isFor(issuer string, audiences []string) error {
	if !isText(c.issuer) || string(unquoted(c.issuer)) != issuer {
		return identity.NotRecognized("the token is of another issuer")
	}
	found, ok := c.hasOneOf(audiences)
	switch {
	case !ok:
		return identity.NotRecognized("the audience of the token is no string or list of strings")
	case !found:
		return identity.NotRecognized("the token is for another audience")
	}
	return nil
}

// hasOneOf reports whether one of the token's audiences is among some. ok is false for a list with
// something else than strings.
func (c *claims) hasOneOf(audiences []string) (found, ok bool) {
	if isText(c.audience) {
		return isOneOf(unquoted(c.audience), audiences), true
	}
	if len(c.audience) == 0 || c.audience[0] != '[' {
		return false, true
	}
	for one := range jsonscan.Elements(c.audience) {
		if !isText(one) {
			return false, false
		}
		found = found || isOneOf(unquoted(one), audiences)
	}
	return found, true
}

func isOneOf(one []byte, of []string) bool {
	return slices.ContainsFunc(of, func(s string) bool { return s == string(one) })
}

// statement is what the claims say at a time, give or take a leeway.
func (c *claims) statement(now time.Time, leeway time.Duration) (*identity.Statement, error) {
	invalid := func(reason string) (*identity.Statement, error) {
		return nil, identity.Refuse(identity.TokenInvalid, reason)
	}
	expires, ok := instant(c.expires)
	if !ok {
		return invalid(`the claim "exp" is missing, or no number of seconds since 1970`)
	}
	notBefore, ok := instant(c.notBefore)
	if !ok && c.notBefore != nil {
		return invalid(`the claim "nbf" is no number of seconds since 1970`)
	}
	issued, ok := instant(c.issuedAt)
	if !ok && c.issuedAt != nil {
		return invalid(`the claim "iat" is no number of seconds since 1970`)
	}
	subject, ok := text(c.subject)
	if !ok && c.subject != nil {
		return invalid(`the claim "sub" is no string`)
	}
	id, ok := text(c.id)
	if !ok && c.id != nil {
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
func text(v []byte) (string, bool) {
	if !isText(v) {
		return "", false
	}
	return string(unquoted(v)), true
}

func isText(v []byte) bool { return len(v) > 0 && v[0] == '"' }

// unquoted is the text of a valid JSON string, most of which have no escapes.
func unquoted(v []byte) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	s, _ := jsontext.AppendUnquote(nil, v)
	return s
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// instant decodes a JSON number of seconds since 1970.
func instant(v []byte) (time.Time, bool) {
	if len(v) == 0 {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(string(v), 64) // of all JSON, it reads numbers alone
	if err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}
