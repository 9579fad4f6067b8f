// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
)

const (
	// maxKeys is how many keys of a set are used.
	maxKeys = 64
	// maxTried is how many keys are tried for one token. It bounds what a token without a key id
	// costs.
	maxTried = 16
)

// Set are the keys of a source at one time. It is not changed after it is made.
type Set struct {
	keys []*Key
	// Skipped says which keys are not used, and why.
	Skipped []string
}

// Len is the number of keys that are used.
func (s *Set) Len() int { return len(s.keys) }

// Find returns the keys to try for a token that names a key and an algorithm, at most maxTried. An
// empty id stands for a token that names none.
//
// Keys of the id are found, all of them if there are several. If there are none, those without an
// id are, and HMAC keys of a Secret, as issuers may call them anything. For a token that names no
// key, all are. Of these, the keys remain that may verify the algorithm. named is true if there is
// a key of the id, whatever it may verify: no newer set would have another.
func (s *Set) Find(id, algorithm string) (found []*Key, named bool) {
	named = id != "" && slices.ContainsFunc(s.keys, func(k *Key) bool { return k.id == id })
	for _, k := range s.keys {
		asked := id == "" || k.id == id || !named && k.anyID
		if asked && k.may(algorithm) && len(found) < maxTried {
			found = append(found, k)
		}
	}
	return found, named
}

// ParseSet reads a JWK set (RFC 7517, section 5). One that is public can be fetched by anybody. It
// fails for data that are no JWK set; keys that cannot be used are skipped.
func ParseSet(data []byte, public bool) (*Set, error) {
	s := &Set{}
	if err := s.add("", data, public); err != nil {
		return nil, err
	}
	return s, nil
}

var errNoSet = errors.New(`it is not a JSON object with a list "keys"`)

// add reads a JWK set. prefix begins what is said of its keys.
func (s *Set) add(prefix string, data []byte, public bool) error {
	var document struct {
		Keys *[]jsontext.Value `json:"keys"`
	}
	// Whether a key is well-formed is its own affair.
	err := jsonv2.Unmarshal(data, &document, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil || document.Keys == nil {
		return errNoSet
	}
	for i, data := range *document.Keys {
		key, err := parseJWK(data, public)
		if err == nil && len(s.keys) == maxKeys {
			err = fmt.Errorf("is one of more than %d", maxKeys)
		}
		if err != nil {
			s.skip(fmt.Sprintf("%skey %d %v", prefix, i, err))
			continue
		}
		s.keys = append(s.keys, key)
	}
	return nil
}

// skip notes why a key is not used.
func (s *Set) skip(why string) {
	if len(s.Skipped) < maxKeys {
		s.Skipped = append(s.Skipped, why)
	}
}

// ParseSetFiles reads JWK sets from the files of a Secret, by name.
func ParseSetFiles(files map[string][]byte) *Set {
	s := &Set{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := s.add(name+": ", files[name], false); err != nil {
			s.skip(fmt.Sprintf("%s: %v", name, err))
		}
	}
	return s
}

// ParseHMACFiles reads HMAC keys from the files of a Secret. A file's content is a key, and its
// name is the key's id; a token that names no key, or an unknown one, is tried with all. A newline
// at the end may belong to the key or to the file: both are tried. One that is too short without it
// is used if it is no text: random bytes may end like that. What other people know is no key: a
// certificate, say, that is in the Secret next to the key.
func ParseHMACFiles(files map[string][]byte) *Set {
	s := &Set{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		variants := [][]byte{content}
		if trimmed := bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r")); len(trimmed) < len(content) {
			variants = [][]byte{trimmed, content}
		}
		if len(variants[0]) < minHMACBytes && len(content) >= minHMACBytes && !isText(content) {
			variants = [][]byte{content}
		}
		known := identity.Public(content)
		switch {
		case known != "":
			s.skip(fmt.Sprintf("%s is no HMAC key: it has %s", name, known))
			continue
		case len(variants[0]) < minHMACBytes:
			s.skip(fmt.Sprintf("%s has less than %d bytes", name, minHMACBytes))
			continue
		case len(s.keys)+len(variants) > maxKeys:
			s.skip(fmt.Sprintf("%s is one of too many keys", name))
			continue
		}
		for _, v := range variants {
			s.keys = append(s.keys, newKey(name, true, algorithmsOf(v), v))
		}
	}
	return s
}

// isText reports whether data may be what somebody has typed or encoded.
func isText(data []byte) bool {
	return !slices.ContainsFunc(data, func(c byte) bool { return c >= 0x7f || c < ' ' && !bytes.ContainsRune([]byte("\t\r\n"), rune(c)) })
}
