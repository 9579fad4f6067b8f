// SPDX-License-Identifier: Apache-2.0

// Package static knows tokens that a mounted Secret lists, for devices and tests. A file of the
// Secret is a user:
//
//   - Its name is the user's, and its content a token, or several, one a line, so that one can be
//     replaced while clients still use it.
//
//   - Or its content is a JSON object:
//
//     {"user": "sensor 7", "tokens": ["…"], "claims": {"site": "north"}, "expires": 1767225600}
//
//     "tokens" is required. "user" is the file's name if absent; names of files in a Secret have
//     letters, digits, "-", "_" and "." alone. "claims" is an object. "expires" are seconds since
//     1970.
//
// A token has at least 16 bytes. What others may know is none: of a file with a certificate, a key
// or a URL (identity.Public), nothing is used. Of tokens, SHA-256 sums are kept and compared.
package static

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
)

// minToken is the length of the shortest token, in bytes: shorter ones can be guessed.
const minToken = 16

// sum is the keyed hash of a token. With a key that nobody knows, the time that it takes to look a
// sum up says nothing of a token.
type sum [sha256.Size]byte

// Tokens are those in force. Safe for concurrent use.
type Tokens struct {
	key   [sha256.Size]byte
	now   func() time.Time
	users atomic.Pointer[map[sum]*identity.Statement]
}

// New returns Tokens of which nothing can be said before Set.
func New() *Tokens {
	t := &Tokens{now: time.Now}
	_, _ = rand.Read(t.key[:]) // does not fail
	return t
}

// Set has the tokens in the files of a Secret in force from now on, and no others. Files that
// cannot be used are left out and named in the error, the rest counts. A token of two users is
// nobody's.
func (t *Tokens) Set(files map[string][]byte) error {
	users, several := map[sum]*identity.Statement{}, map[sum]bool{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		tokens, s, err := parse(name, files[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("read the tokens of %s: %w", name, err))
			continue
		}
		for _, token := range tokens {
			key := t.sum(token)
			if other := users[key]; other != nil && other != s {
				several[key] = true
				errs = append(errs, fmt.Errorf("read the tokens of %s: one of them is another user's, too", name))
			}
			users[key] = s
		}
	}
	for key := range several {
		delete(users, key)
	}
	t.users.Store(&users)
	return errors.Join(errs...)
}

// Len is the number of tokens in force.
func (t *Tokens) Len() int {
	if users := t.users.Load(); users != nil {
		return len(*users)
	}
	return 0
}

func (t *Tokens) sum(token string) sum {
	h := hmac.New(sha256.New, t.key[:])
	h.Write([]byte(token))
	return sum(h.Sum(nil))
}

// Verify returns the user of a token.
func (t *Tokens) Verify(_ context.Context, token string) (*identity.Statement, error) {
	users := t.users.Load()
	if users == nil {
		// Any token might be one of these, and most are not: another authenticator may know it.
		return nil, &identity.Error{Code: identity.Unavailable, Reason: "the tokens have not been read", Unrecognized: true}
	}
	s := (*users)[t.sum(token)]
	switch {
	case s == nil:
		return nil, identity.NotRecognized("the token is nobody's")
	case !s.Expires.IsZero() && !t.now().Before(s.Expires):
		return nil, identity.Refuse(identity.TokenExpired, "the token has expired")
	}
	return s, nil
}

// file is the content of a file that is JSON.
type file struct {
	User    *string        `json:"user"`
	Tokens  []string       `json:"tokens"`
	Claims  jsontext.Value `json:"claims"`
	Expires *int64         `json:"expires"`
}

// parse reads a file. Errors have nothing of its content in them.
func parse(name string, content []byte) ([]string, *identity.Statement, error) {
	f := file{}
	content = bytes.TrimSpace(content)
	if bytes.HasPrefix(content, []byte("{")) {
		if err := jsonv2.Unmarshal(content, &f, jsonv2.RejectUnknownMembers(true)); err != nil {
			return nil, nil, errors.New("it is no JSON object of user, tokens, claims and expires")
		}
		if f.Claims != nil && f.Claims.Kind() != '{' {
			return nil, nil, errors.New("its claims are no JSON object")
		}
	} else {
		if err := secret(content); err != nil {
			return nil, nil, err
		}
		for line := range strings.Lines(string(content)) {
			if token := strings.TrimSpace(line); token != "" {
				f.Tokens = append(f.Tokens, token)
			}
		}
	}
	for _, token := range f.Tokens {
		if err := secret([]byte(token)); err != nil {
			return nil, nil, err
		}
	}
	s := &identity.Statement{User: name, Claims: json.RawMessage(f.Claims)}
	if f.User != nil {
		s.User = *f.User
	}
	if f.Expires != nil {
		s.Expires = time.Unix(*f.Expires, 0)
	}
	switch {
	case s.User == "":
		return nil, nil, errors.New("its user is empty")
	case len(f.Tokens) == 0:
		return nil, nil, errors.New("it has no token")
	case slices.ContainsFunc(f.Tokens, func(t string) bool { return len(t) < minToken }):
		return nil, nil, fmt.Errorf("it has a token of less than %d bytes", minToken)
	}
	return f.Tokens, s, nil
}

// secret returns an error for what others may know.
func secret(content []byte) error {
	if known := identity.Public(content); known != "" {
		return fmt.Errorf("it has %s, which is no token: others may know it", known)
	}
	return nil
}
