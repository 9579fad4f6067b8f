// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// parsed is a token whose parts were decoded, and nothing verified.
type parsed struct {
	algorithm, keyID string
	claims           []byte
	// signed is what the signature is of.
	signed    string
	signature []byte
	// refusal is why a token with such a header is not accepted, whatever its signature; nil if it
	// may be. It is for tokens of this issuer: another one may understand the header.
	refusal error
}

// header are the members of a token's header that are looked at (RFC 7515, section 4.1).
type header struct {
	algorithm, keyID string
	kind             string // "typ"
	// typed and critical tell that there are "typ" and "crit", and wrong that a member is of a
	// wrong type.
	typed, critical, wrong bool
}

// types are the values of "typ" for tokens of users, in lower case (RFC 7519, section 5.1; RFC
// 9068).
var types = []string{"jwt", "at+jwt"}

// parse takes a token apart. The error is an *identity.Error.
func parse(token string) (*parsed, error) {
	if len(token) > identity.MaxToken {
		return nil, identity.NotRecognized("the token is too long")
	}
	signed, last, ok := cutLast(token)
	first, second, ok2 := strings.Cut(signed, ".")
	// base64 ignores line breaks, and refuses a fourth part.
	if !ok || !ok2 || strings.IndexByte(token, '\n') >= 0 || strings.IndexByte(token, '\r') >= 0 {
		return nil, identity.NotRecognized("the token is no JWT: it has not three parts")
	}
	p := &parsed{signed: signed}
	head, err := p.decode(first, second, last)
	if err != nil {
		return nil, identity.NotRecognized("the token is no JWT: it is not base64url")
	}
	h, ok := readHeader(head)
	if !ok {
		return nil, identity.NotRecognized("the token is no JWT: its header is no JSON object, or has a member of a wrong type or twice")
	}
	if !h.isOfUser() {
		return nil, identity.NotRecognized(`the header's "typ" is neither JWT nor at+jwt`)
	}
	p.algorithm, p.keyID, p.refusal = h.algorithm, h.keyID, h.check()
	return p, nil
}

// encoding is that of the parts.
var encoding = base64.RawURLEncoding.Strict()

// decode decodes the parts, and returns the header. The claims are kept for as long as the client
// is there, so that they are apart.
func (p *parsed) decode(head, claims, signature string) ([]byte, error) {
	p.claims = make([]byte, encoding.DecodedLen(len(claims)))
	if _, err := encoding.Decode(p.claims, []byte(claims)); err != nil {
		return nil, err
	}
	headBytes := encoding.DecodedLen(len(head))
	rest := make([]byte, headBytes+encoding.DecodedLen(len(signature)))
	if _, err := encoding.Decode(rest, []byte(head)); err != nil {
		return nil, err
	}
	p.signature = rest[headBytes:]
	_, err := encoding.Decode(p.signature, []byte(signature))
	return rest[:headBytes], err
}

func cutLast(token string) (before, after string, found bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return "", "", false
	}
	return token[:i], token[i+1:], true
}

// readHeader reads a header. ok is false for one that no token has.
func readHeader(data []byte) (h header, ok bool) {
	object, ok := objectOf(data)
	if !ok {
		return h, false
	}
	for quoted, value := range jsonscan.Members(object) {
		switch string(unquoted(quoted)) {
		case "alg":
			h.set(&h.algorithm, value)
		case "kid":
			h.set(&h.keyID, value)
		case "typ":
			h.set(&h.kind, value)
			h.typed = value[0] != 'n'
		case "crit":
			h.critical = true
		}
	}
	return h, !h.wrong
}

// set sets a member that is a string. A null is as if it were absent.
func (h *header) set(member *string, value []byte) {
	if value[0] == 'n' {
		return
	}
	var ok bool
	if *member, ok = text(value); !ok {
		h.wrong = true
	}
}

// isOfUser reports whether the token is of a type for users.
func (h *header) isOfUser() bool {
	return !h.typed || slices.Contains(types, strings.TrimPrefix(strings.ToLower(h.kind), "application/"))
}

func (h *header) check() error {
	switch {
	case h.critical:
		return identity.Refuse(identity.TokenInvalid, `the header has "crit", of which no extension is known`)
	case !keys.Supported(h.algorithm):
		return identity.Refuse(identity.TokenInvalid, `the header's "alg" is missing or not supported`)
	}
	return nil
}

// objectOf returns a JSON object with unique names, in UTF-8, without space around it. ok is false
// for other data.
func objectOf(data []byte) (object []byte, ok bool) {
	v := jsontext.Value(data)
	return bytes.TrimSpace(data), v.Kind() == '{' && v.IsValid()
}
