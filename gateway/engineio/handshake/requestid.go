// SPDX-License-Identifier: Apache-2.0

package handshake

// maxRequestID is the size of the longest id of a request, in bytes.
const maxRequestID = 128

// IsRequestID reports whether a text can name a request in log lines: it has 1 to 128 bytes, which
// are letters, digits and any of -._~+/=:.
func IsRequestID(text string) bool {
	if text == "" || len(text) > maxRequestID {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c >= '-' && c <= '/', c == '_', c == '~', c == '+', c == '=', c == ':':
		default:
			return false
		}
	}
	return true
}
