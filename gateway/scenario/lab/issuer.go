// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
	"github.com/realtime-operator/realtime-operator/gateway/identity/static"
	"github.com/realtime-operator/realtime-operator/gateway/identity/token"
	"github.com/realtime-operator/realtime-operator/gateway/service"
)

// keyName is the kid of the tokens that an Issuer signs.
const keyName = "realtime-test"

// Issuer stands in for the issuers of a service's tokens: each entry with `jwt` accepts its key
// besides those in the entry's Secret. A JWK set behind a URL is not fetched. All else is checked
// as in a pod: signature, issuer, audience, times. A program that a `webhook` or `nats` would ask
// knows the tokens that the Issuer has signed for its entry, and no others: their claims are its
// answer.
type Issuer struct {
	key string
	// secrets are the files of the Secrets of spec.authentication.
	secrets map[string]map[string]string
}

// NewIssuer returns an issuer with a key of its own, and with Secrets.
func NewIssuer(secrets map[string]map[string]string) *Issuer {
	return &Issuer{secrets: secrets, key: rand.Text() + rand.Text()} // 260 bits
}

// Sign signs a token for an entry. Claims that are missing are those that its issuer would set:
// iss, aud, iat and exp. One that is nil stays missing.
func (i *Issuer) Sign(entry *v1alpha1.Authentication, claims map[string]any, valid time.Duration) (string, error) {
	if entry.Tokens != nil {
		return "", fmt.Errorf("the entry %s has tokens of a Secret, so that there is none for claims: give a token", entry.Name)
	}
	now, accepted := time.Now(), accepts(entry)
	all := jwt.MapClaims{
		"iss": accepted.Issuer, "aud": accepted.Audiences[0], "iat": now.Unix(), "exp": now.Add(valid).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, all)
	t.Header["kid"] = keyName
	return t.SignedString([]byte(i.key))
}

// Authenticator returns what verifies the clients of an entry.
func (i *Issuer) Authenticator(entry *v1alpha1.Authentication) (identity.Authenticator, error) {
	locations, err := service.Locations(entry)
	if err != nil {
		return nil, err
	}
	verifier, err := i.verifier(entry)
	if err != nil {
		return nil, err
	}
	return identity.ByToken(locations, verifier), nil
}

func (i *Issuer) verifier(entry *v1alpha1.Authentication) (identity.Verifier, error) {
	secret := map[string][]byte{}
	for name, content := range i.secrets[entry.Secret()] {
		secret[name] = []byte(content)
	}
	switch {
	case entry.Tokens != nil:
		tokens := static.New()
		if err := tokens.Set(secret); err != nil {
			return nil, fmt.Errorf("the Secret %s: %w", entry.Secret(), err)
		}
		return tokens, nil
	case entry.JWT == nil && entry.Request() == nil:
		return nil, errors.New("it is of a kind that tests do not know")
	}
	c := accepts(entry)
	c.Keys = i.keys(entry, secret)
	return token.New(c)
}

// accepts says which tokens an entry accepts, without the keys.
func accepts(entry *v1alpha1.Authentication) token.Config {
	if entry.JWT == nil { // a program's
		return token.Config{Issuer: keyName, Audiences: []string{entry.Name}}
	}
	return token.Config{Issuer: entry.JWT.Issuer, Audiences: entry.JWT.Audiences, Leeway: entry.JWT.Leeway.Duration}
}

func (i *Issuer) keys(entry *v1alpha1.Authentication, secret map[string][]byte) keys.Source {
	if entry.JWT == nil { // the Secret of a program has no keys for tokens
		secret = map[string][]byte{}
	}
	var set *keys.Set
	if entry.JWT != nil && entry.JWT.JWKS != nil && entry.JWT.JWKS.SecretRef != nil {
		own, _ := json.Marshal(map[string]any{"keys": []any{ // plain strings always encode
			map[string]string{"kty": "oct", "kid": keyName, "k": base64.RawURLEncoding.EncodeToString([]byte(i.key))},
		}})
		secret[keyName] = own
		set = keys.ParseSetFiles(secret)
	} else {
		secret[keyName] = []byte(i.key)
		set = keys.ParseHMACFiles(secret)
	}
	return source{set}
}

// source are keys that do not change.
type source struct{ set *keys.Set }

func (s source) Keys(context.Context) (*keys.Set, error)             { return s.set, nil }
func (s source) Newer(context.Context, *keys.Set) (*keys.Set, error) { return s.set, nil }
