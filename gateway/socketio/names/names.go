// SPDX-License-Identifier: Apache-2.0

// Package names has the names of namespaces, patterns for them, and the existing namespaces.
package names

import (
	"fmt"
	"regexp"
	"strings"
)

// Full returns the full name of a namespace, with the leading slash, which users may omit.
func Full(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + name
}

// Pattern matches whole names of namespaces.
type Pattern struct{ re *regexp.Regexp }

// ParsePattern parses a pattern such as `/orders/(?P<id>[0-9]+)`. The syntax is that of package
// regexp: matching takes linear time, whatever name a client chooses.
func ParsePattern(pattern string) (*Pattern, error) {
	// Compiled alone first: `/a)|(?:/b` is not a pattern, but would be one between the anchors.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, fmt.Errorf("namespaces by pattern %q: %w", pattern, err)
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("namespaces by pattern %q: %w", pattern, err)
	}
	return &Pattern{re}, nil
}

// Match reports whether the whole name matches, and returns the matches of the named groups.
func (p *Pattern) Match(name string) (params map[string]string, ok bool) {
	found := p.re.FindStringSubmatch(name)
	if found == nil {
		return nil, false
	}
	params = map[string]string{}
	for i, group := range p.re.SubexpNames() {
		if group != "" {
			params[group] = found[i]
		}
	}
	return params, true
}
