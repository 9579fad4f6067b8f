// SPDX-License-Identifier: Apache-2.0

// Package query parses only the wanted parameters of a URL: url.ParseQuery makes a list of values
// for each of the thousands that a client may send.
package query

import (
	"net/url"
	"slices"
	"strings"
)

// Pick returns the first value of each of the named parameters, like url.ParseQuery: what cannot be
// parsed is omitted.
func Pick(raw string, names ...string) url.Values {
	values := make(url.Values, len(names))
	for len(raw) > 0 {
		end := 0
		for end < len(raw) && raw[end] != '&' && raw[end] != '=' {
			end++
		}
		name, value := raw[:end], ""
		if raw = raw[end:]; len(raw) > 0 && raw[0] == '=' {
			value, raw, _ = strings.Cut(raw[1:], "&")
		} else if len(raw) > 0 {
			raw = raw[1:]
		}
		if name, ok := wanted(name, names); ok && !values.Has(name) && strings.IndexByte(value, ';') < 0 {
			if value, err := url.QueryUnescape(value); err == nil {
				values[name] = []string{value}
			}
		}
	}
	return values
}

// longestName is the maximum length of a name with escapes that could be a wanted one.
const longestName = 64

// wanted returns a name without its escapes, if it is one of names.
func wanted(name string, names []string) (string, bool) {
	for _, n := range names {
		if len(n) == len(name) && n == name {
			return n, true
		}
	}
	if len(name) > longestName || strings.IndexByte(name, '%') < 0 {
		return "", false
	}
	unescaped, err := url.QueryUnescape(name)
	return unescaped, err == nil && slices.Contains(names, unescaped)
}
