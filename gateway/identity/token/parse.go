// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/base64"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
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
	Algorithm string         `json:"alg"`
	KeyID     *string        `json:"kid"`
	Type      *string        `json:"typ"`
	Critical  jsontext.Value `json:"crit"`
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
	if !ok || !ok2 || strings.ContainsAny(token, "\r\n") {
		return nil, identity.NotRecognized("the token is no JWT: it has not three parts")
	}
	var parts [3][]byte
	for i, part := range []string{first, second, last} {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return nil, identity.NotRecognized("the token is no JWT: it is not base64url")
		}
		parts[i] = decoded
	}
	var h header
	if err := decodeObject(parts[0], &h); err != nil {
		return nil, identity.NotRecognized("the token is no JWT: its header is no JSON object, or has a member of a wrong type or twice")
	}
	if !h.isOfUser() {
		return nil, identity.NotRecognized(`the header's "typ" is neither JWT nor at+jwt`)
	}
	p := &parsed{algorithm: h.Algorithm, claims: parts[1], signed: signed, signature: parts[2], refusal: h.check()}
	if h.KeyID != nil {
		p.keyID = *h.KeyID
	}
	return p, nil
}

func cutLast(token string) (before, after string, found bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return "", "", false
	}
	return token[:i], token[i+1:], true
}

// isOfUser reports whether the token is of a type for users.
func (h *header) isOfUser() bool {
	return h.Type == nil || slices.Contains(types, strings.TrimPrefix(strings.ToLower(*h.Type), "application/"))
}

func (h *header) check() error {
	switch {
	case h.Critical != nil:
		return identity.Refuse(identity.TokenInvalid, `the header has "crit", of which no extension is known`)
	case !keys.Supported(h.Algorithm):
		return identity.Refuse(identity.TokenInvalid, `the header's "alg" is missing or not supported`)
	}
	return nil
}

// decodeObject reads a JSON object with unique names, in UTF-8, into the fields of a struct.
func decodeObject(data []byte, into any) error {
	if jsontext.Value(data).Kind() != '{' {
		return errNotObject
	}
	return jsonv2.Unmarshal(data, into)
}
