// SPDX-License-Identifier: Apache-2.0

// Package roompattern matches rooms with the names of a manifest's rules.
package roompattern

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Pattern is the name of a rule for rooms, parsed: literal text with wildcards in between. '*'
// matches any run of characters, also an empty one; a named part, '{team}', one or more characters.
// Each matches as few characters as possible, and the last one the rest. Matching takes time in
// proportion to the room's length times the pattern's, whatever the room is called.
type Pattern struct {
	// literals surround the wildcards: there is one more of them.
	literals []string
	// parts are the names of the wildcards, empty for '*'.
	parts []string
}

// Parse parses the name of a rule. It returns an error for a brace without its other
// half, a part whose name is no identifier or is used twice, a part next to another wildcard, whose
// border nobody could tell, and for a NUL at the beginning.
func Parse(name string) (Pattern, error) {
	var p Pattern
	if strings.HasPrefix(name, "\x00") {
		return p, errors.New("must not begin with U+0000: so begin the rooms of users, which have no rules")
	}
	for rest := name; ; {
		i := strings.IndexAny(rest, "*{}")
		if i < 0 {
			p.literals = append(p.literals, rest)
			return p, nil
		}
		part := ""
		if rest[i] != '*' {
			var err error
			if part, err = parsePart(rest[i:], p.parts); err != nil {
				return p, err
			}
		}
		if n := len(p.parts); i == 0 && n > 0 && (part != "" || p.parts[n-1] != "") {
			return p, fmt.Errorf("has nothing between a part and the wildcard before it, at %q", rest)
		}
		p.literals, p.parts = append(p.literals, rest[:i]), append(p.parts, part)
		rest = rest[i+wildcardSize(part):]
	}
}

// identifier is a name by which CEL can select a part.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// wildcardSize is how many bytes a wildcard takes in a name.
func wildcardSize(part string) int {
	if part == "" {
		return len("*")
	}
	return len(part) + len("{}")
}

// parsePart returns the name of the part with which a text begins.
func parsePart(text string, others []string) (string, error) {
	if text[0] == '}' {
		return "", errors.New("has a '}' without a '{'")
	}
	part, _, found := strings.Cut(text[1:], "}")
	switch {
	case !found:
		return "", errors.New("has a '{' without a '}'")
	case !identifier.MatchString(part):
		return "", fmt.Errorf("has a part {%s}, whose name must be an identifier", part)
	case slices.Contains(others, part):
		return "", fmt.Errorf("has two parts {%s}", part)
	}
	return part, nil
}

// IsExact tells whether the pattern has no wildcards.
func (p *Pattern) IsExact() bool { return len(p.parts) == 0 }

// HasParts tells whether the pattern has named parts.
func (p *Pattern) HasParts() bool {
	return slices.ContainsFunc(p.parts, func(part string) bool { return part != "" })
}

// Parts returns the names of the named parts.
func (p *Pattern) Parts() []string {
	return slices.DeleteFunc(slices.Clone(p.parts), func(part string) bool { return part == "" })
}

// Matches tells whether a room matches.
func (p *Pattern) Matches(room string) bool { return p.match(room, nil) }

// Params returns what the named parts match; nil if the room does not match, or there are none.
func (p *Pattern) Params(room string) map[string]string {
	if !p.HasParts() {
		return nil
	}
	params := make(map[string]string, len(p.parts))
	if !p.match(room, params) {
		return nil
	}
	return params
}

// match fills in params, unless they are nil.
func (p *Pattern) match(room string, params map[string]string) bool {
	first, last := p.literals[0], p.literals[len(p.literals)-1]
	if p.IsExact() {
		return room == first
	}
	if !strings.HasPrefix(room, first) {
		return false
	}
	room = room[len(first):]
	for i, part := range p.parts {
		least := min(1, len(part)) // characters of a named part
		if len(room) < least {
			return false
		}
		var end int
		if i == len(p.parts)-1 {
			end = len(room) - len(last)
			if end < least || !strings.HasSuffix(room, last) {
				return false
			}
		} else {
			// The leftmost place is as good as any: what is behind it may be as long as it likes.
			if end = strings.Index(room[least:], p.literals[i+1]); end < 0 {
				return false
			}
			end += least
		}
		if params != nil && part != "" {
			params[part] = room[:end]
		}
		room = room[end+len(p.literals[i+1]):]
	}
	return true
}

// mostCompared bounds the asterisks of a pattern that Covers looks at: each doubles its work.
const mostCompared = 8

// Covers reports whether p matches every room that q matches, so that a rule for q behind one for p
// never holds. It is false if that cannot be told.
func (p Pattern) Covers(q Pattern) bool {
	// What a wildcard of q stands for is matched by wildcards of p, whatever it is, if they match a
	// character that is in no literal; and nothing, where it may stand for nothing.
	const anything = "\x00"
	if strings.Contains(strings.Join(p.literals, ""), anything) {
		return false
	}
	rooms := []string{q.literals[0]}
	asterisks := 0
	for i, part := range q.parts {
		var longer []string
		for _, room := range rooms {
			longer = append(longer, room+anything+q.literals[i+1])
			if part == "" {
				longer = append(longer, room+q.literals[i+1])
			}
		}
		if part == "" {
			asterisks++
		}
		if asterisks > mostCompared {
			return false
		}
		rooms = longer
	}
	return !slices.ContainsFunc(rooms, func(room string) bool { return !p.Matches(room) })
}
