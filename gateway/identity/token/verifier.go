// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
)

// DefaultLeeway is how far clocks may differ.
const DefaultLeeway = 10 * time.Second

// maxLeeway is the longest leeway that makes sense: a longer one extends tokens.
const maxLeeway = 5 * time.Minute

// Config says which tokens are accepted.
type Config struct {
	// Issuer is the "iss" of tokens. Required.
	Issuer string
	// Audiences are those of which a token must be for one. Required.
	Audiences []string
	// Leeway is how far clocks may differ: DefaultLeeway if zero, none if negative, at most five
	// minutes.
	Leeway time.Duration
	// Keys verify the signatures. Required.
	Keys keys.Source
	// Now is the time; time.Now if nil.
	Now func() time.Time
}

// Verifier verifies the tokens of an issuer. It keeps nothing, and is safe for concurrent use.
type Verifier struct{ config Config }

// New returns a verifier. It fails for a configuration in which something is missing.
func New(c Config) (*Verifier, error) {
	switch {
	case c.Issuer == "":
		return nil, errors.New("verify tokens: there is no issuer")
	case len(c.Audiences) == 0 || slices.Contains(c.Audiences, ""):
		return nil, errors.New("verify tokens: there is no audience, or an empty one")
	case c.Keys == nil:
		return nil, errors.New("verify tokens: there are no keys")
	case c.Leeway > maxLeeway:
		return nil, errors.New("verify tokens: the leeway is longer than 5 minutes")
	case c.Leeway == 0:
		c.Leeway = DefaultLeeway
	}
	c.Leeway = max(c.Leeway, 0)
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Verifier{c}, nil
}

// Verify returns what a token states, or an *identity.Error. It waits for keys at most until the
// context ends.
func (v *Verifier) Verify(ctx context.Context, token string) (*identity.Statement, error) {
	var set *keys.Set
	if ctx != identity.AtOnce {
		var err error
		if set, err = v.await(ctx, token); err != nil {
			return nil, err
		}
	}
	p, c, err := v.read(token)
	if err != nil {
		return nil, err
	}
	if err := v.checkSignature(ctx, p, set); err != nil {
		return nil, err
	}
	s, err := c.statement(v.config.Now(), v.config.Leeway)
	if err != nil {
		return nil, err
	}
	s.Claims = json.RawMessage(p.claims)
	return s, nil
}

// read returns a token that is this verifier's to judge, and its claims.
func (v *Verifier) read(token string) (*parsed, *claims, error) {
	p, err := parse(token)
	if err != nil {
		return nil, nil, err
	}
	c, ok := readClaims(p.claims)
	if !ok {
		return nil, nil, identity.NotRecognized("the claims are no JSON object, or have a name twice")
	}
	if err := c.isFor(v.config.Issuer, v.config.Audiences); err != nil {
		return nil, nil, err
	}
	if p.refusal != nil {
		return nil, nil, p.refusal
	}
	return p, &c, nil
}

// await waits for the keys that a token needs, as far as they can be had. Many may wait, so each
// keeps the token alone, and a small stack.
func (v *Verifier) await(ctx context.Context, token string) (*keys.Set, error) {
	if err := v.apart(token, nil); err != nil {
		return nil, err
	}
	set, err := v.config.Keys.Keys(ctx)
	if err != nil {
		return nil, noKeys(err)
	}
	if err := v.apart(token, set); !errors.Is(err, errUnknownKey) {
		return set, err
	}
	newer, err := v.config.Keys.Newer(ctx, set)
	if err != nil {
		return nil, noNewer(err)
	}
	return newer, nil
}

func noKeys(err error) error {
	return identity.NotAvailable("there are no keys to verify the token", err)
}

func noNewer(err error) error {
	return identity.NotAvailable("the token's key is unknown, and newer keys cannot be had", err)
}

var errUnknownKey = errors.New("the token's key is not in the set")

// apart reads a token, and if there is a set, looks for its key there.
func (v *Verifier) apart(token string, set *keys.Set) (err error) {
	apart.Do(func() {
		var p *parsed
		if p, _, err = v.read(token); err != nil || set == nil {
			return
		}
		if verified, known := p.verify(set); !verified && !known {
			err = errUnknownKey
		}
	})
	return err
}

// checkSignature tries the keys that were waited for; or if there are none, those that are known,
// and if the token's is not among them, newer ones.
func (v *Verifier) checkSignature(ctx context.Context, p *parsed, awaited *keys.Set) error {
	set := awaited
	if set == nil {
		var err error
		if set, err = v.config.Keys.Keys(ctx); err != nil {
			return noKeys(err)
		}
	}
	verified, known := p.verify(set)
	if verified {
		return nil
	}
	if !known && awaited == nil {
		newer, err := v.config.Keys.Newer(ctx, set)
		if err != nil {
			return noNewer(err)
		}
		if newer != set {
			verified, known = p.verify(newer)
		}
	}
	switch {
	case verified:
		return nil
	case !known:
		return identity.Refuse(identity.TokenInvalid, "the signature is of no key that is known")
	}
	return identity.Refuse(identity.TokenInvalid, "the signature is not that of the token's key, or of an algorithm that the key is not for")
}

// verify tries the keys of a set. known is true if no newer set would have another key for the
// token.
func (p *parsed) verify(set *keys.Set) (verified, known bool) {
	candidates, named := set.Find(p.keyID, p.algorithm)
	for _, k := range candidates {
		if k.Verify(p.algorithm, p.signed, p.signature) {
			return true, true
		}
	}
	return false, named
}
