// SPDX-License-Identifier: Apache-2.0

package identity

import "bytes"

// Public says what is in a file of a Secret that others may know, and that is no secret therefore;
// empty for what may be one. Secrets have certificates and URLs next to what is secret. A private
// key counts, too: nobody shows it, or signs with its text.
func Public(content []byte) string {
	text := bytes.ToLower(bytes.TrimSpace(content))
	switch {
	case bytes.Contains(text, []byte("-----begin ")):
		return "a PEM block"
	case bytes.HasPrefix(text, []byte("https://")), bytes.HasPrefix(text, []byte("http://")):
		return "a URL"
	}
	return ""
}
