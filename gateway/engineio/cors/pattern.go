// SPDX-License-Identifier: Apache-2.0

package cors

import (
	"fmt"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// originPattern is an origin in which an asterisk stands for one or more letters, digits, dots and
// hyphens: some labels of a host name, or a port. It matches from end to end, and since an asterisk
// takes no colon, slash or at sign, "https://*.example.com" lets neither
// "https://example.com.evil.net" in nor "https://evil.net/.example.com".
type originPattern string

func (p originPattern) matches(origin string) bool {
	head, rest, wild := strings.Cut(string(p), "*")
	if !wild {
		return string(p) == origin
	}
	rem, ok := strings.CutPrefix(origin, head)
	if !ok {
		return false
	}
	// Shortest first. A second asterisk is rare, and origins are short.
	for i := range len(rem) {
		if !inHostName(rem[i]) {
			return false
		}
		if originPattern(rest).matches(rem[i+1:]) {
			return true
		}
	}
	return false
}

func inHostName(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '.'
}

// checkOrigin returns an error for an origin that no browser sends, and that would thus never
// match.
func checkOrigin(origin string) error {
	if origin == "*" || origin == "null" || origin == "file://" {
		return nil
	}
	scheme, host, ok := strings.Cut(origin, "://")
	switch {
	case !ok || scheme == "" || host == "" || strings.ContainsAny(origin, " \t") || !httpx.ValidHeaderValue(origin):
		return fmt.Errorf("CORS origin %q is not of the form scheme://host or scheme://host:port", origin)
	case strings.Contains(scheme, "*"):
		return fmt.Errorf("CORS origin %q has an asterisk in its scheme; name one origin for each scheme", origin)
	case strings.ContainsAny(host, "/?#@"):
		return fmt.Errorf("CORS origin %q has more than a host and a port; browsers send no path, not even a slash", origin)
	case strings.Count(host, "*") > 2:
		return fmt.Errorf("CORS origin %q has more than two asterisks", origin)
	}
	return nil
}
