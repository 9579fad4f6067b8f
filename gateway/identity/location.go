// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// MaxToken is the size of a token, in bytes. It is that of the auth payload of a CONNECT packet.
const MaxToken = 16 << 10

// DefaultLocation is where a token is if nothing else is said.
const DefaultLocation = "auth.token"

// Location is a place of a request where a token may be, such as "header.authorization". It is
// comparable.
type Location struct{ kind, name string }

// The kinds of locations.
const (
	inAuth   = "auth"
	inHeader = "header"
	inCookie = "cookie"
	inQuery  = "query"
)

var errLocation = errors.New("want auth.NAME (names of members, with dots between them), header.NAME, cookie.NAME or query.NAME")

// ParseLocation reads
//
//   - auth.token, or auth.a.b: a member of the auth payload, or of an object in it;
//   - header.NAME: a header. Of Authorization, what follows the scheme Bearer; of any other the
//     value;
//   - cookie.NAME: a cookie;
//   - query.NAME: a query parameter. URLs end up in logs, so that this is seldom a good place.
func ParseLocation(s string) (Location, error) {
	kind, name, _ := strings.Cut(s, ".")
	valid := name != ""
	switch kind {
	case inAuth:
		for member := range strings.SplitSeq(name, ".") {
			valid = valid && member != ""
		}
	case inHeader:
		valid = valid && isToken(name)
		name = http.CanonicalHeaderKey(name)
	case inCookie:
		valid = valid && isToken(name)
	case inQuery:
	default:
		valid = false
	}
	if !valid {
		return Location{}, fmt.Errorf("read the location of a token %q: %w", s, errLocation)
	}
	return Location{kind, name}, nil
}

// ParseLocations reads several locations; none stands for DefaultLocation.
func ParseLocations(list []string) ([]Location, error) {
	if len(list) == 0 {
		list = []string{DefaultLocation}
	}
	locations := make([]Location, len(list))
	for i, s := range list {
		var err error
		if locations[i], err = ParseLocation(s); err != nil {
			return nil, err
		}
	}
	return locations, nil
}

// isToken reports whether a name has only characters that names of headers and cookies may have
// (RFC 9110).
func isToken(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != ""
}

// String is the location as it was read; names of headers are canonical.
func (l Location) String() string { return l.kind + "." + l.name }

// Find returns the token with which a client renews its own, or else the one at the first of the
// locations that has one. An empty value and a JSON null
// are none. The error is an *Error: TokenMissing, or TokenInvalid for one that is no string or too
// long.
func Find(locations []Location, r *Request) (string, error) {
	if len(r.Token) > MaxToken {
		return "", Refuse(TokenInvalid, fmt.Sprintf("the token has more than %d bytes", MaxToken))
	}
	if r.Token != "" {
		return r.Token, nil
	}
	for _, l := range locations {
		token, err := l.token(r)
		if err != nil {
			return "", err
		}
		if len(token) > MaxToken {
			return "", Refuse(TokenInvalid, fmt.Sprintf("the token at %s has more than %d bytes", l, MaxToken))
		}
		if token != "" {
			return token, nil
		}
	}
	return "", Refuse(TokenMissing, "there is no token at any of the locations")
}

// Excerpt returns those of the headers that have tokens at the locations, without what else is in
// them: of Cookie, the cookies that are tokens. It is nil if there are none.
func Excerpt(locations []Location, header http.Header) http.Header {
	var kept http.Header
	keep := func(name, value string) {
		if kept == nil {
			kept = http.Header{}
		}
		kept.Add(name, value)
	}
	for i, l := range locations {
		token, _ := l.token(&Request{Header: header}) // fails for auth alone
		if token == "" || len(token) > MaxToken || slices.Contains(locations[:i], l) {
			continue
		}
		switch l.kind {
		case inHeader:
			keep(l.name, header.Get(l.name))
		case inCookie:
			keep("Cookie", l.name+"="+token)
		}
	}
	return kept
}

// IsAuth reports whether the location is in the auth payload of CONNECT.
func (l Location) IsAuth() bool { return l.kind == inAuth }

func (l Location) token(r *Request) (string, error) {
	switch l.kind {
	case inHeader:
		return l.inHeader(r.Header.Get(l.name)), nil
	case inCookie:
		cookie, err := (&http.Request{Header: r.Header}).Cookie(l.name)
		if err != nil {
			return "", nil //nolint:nilerr // the error is that there is none
		}
		return cookie.Value, nil
	case inQuery:
		return r.Query.Get(l.name), nil
	}
	return l.inAuth(r.Auth)
}

func (l Location) inHeader(value string) string {
	if l.name != "Authorization" {
		return strings.TrimSpace(value)
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// inAuth follows the path. Of members with one name the last counts, as for JSON.parse.
func (l Location) inAuth(auth json.RawMessage) (string, error) {
	if len(auth) == 0 || jsonscan.Check(auth) != nil {
		return "", nil
	}
	value := []byte(auth)
	for name := range strings.SplitSeq(l.name, ".") {
		value = value[jsonscan.SkipSpace(value, 0):]
		if value[0] != '{' {
			return "", nil
		}
		var found []byte
		for quoted, v := range jsonscan.Members(value) {
			if unquoted(quoted) == name {
				found = v
			}
		}
		if found == nil {
			return "", nil
		}
		value = found
	}
	switch value[0] {
	case '"':
		return unquoted(value), nil
	case 'n': // null
		return "", nil
	}
	return "", Refuse(TokenInvalid, fmt.Sprintf("the token at %s is not a string", l))
}

// noAuth is what is left of most.
var noAuth = json.RawMessage("{}")

// Hide returns an auth payload without the members at the locations, so that nothing that reads it
// later can tell a token. One without any is returned as it is.
func Hide(locations []Location, auth json.RawMessage) json.RawMessage {
	if len(auth) == 0 || jsonscan.Check(auth) != nil {
		return auth
	}
	for _, l := range locations {
		if l.IsAuth() {
			auth = without(auth, strings.Split(l.name, "."))
		}
	}
	return auth
}

// without returns a value without the member at a path, or the value itself if it has none. Each of
// several members with one name counts.
func without(value []byte, path []string) []byte {
	value = value[jsonscan.SkipSpace(value, 0):]
	if value[0] != '{' {
		return value
	}
	changed, rest := false, []byte{'{'}
	for name, member := range jsonscan.Members(value) {
		if unquoted(name) == path[0] {
			if len(path) == 1 {
				changed = true
				continue
			}
			less := without(member, path[1:])
			changed = changed || len(less) < len(member)
			member = less
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(append(append(rest, name...), ':'), member...)
	}
	switch {
	case !changed:
		return value
	case len(rest) == 1:
		return noAuth
	}
	return bytes.Clone(append(rest, '}')) // it is kept, and should have no spare room
}

// unquoted decodes a JSON string that was checked.
func unquoted(quoted []byte) string {
	plain := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return string(plain)
	}
	var s string
	_ = json.Unmarshal(quoted, &s)
	return s
}

// AllInAuth reports whether all locations are in the auth payload.
func AllInAuth(locations []Location) bool {
	return !slices.ContainsFunc(locations, func(l Location) bool { return !l.IsAuth() })
}
