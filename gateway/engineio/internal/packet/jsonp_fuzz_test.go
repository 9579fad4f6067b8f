// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"bytes"
	"strings"
	"testing"
)

// A form in which a client of revision 3 posts a payload.
func FuzzJSONP(f *testing.F) {
	f.Add([]byte(`d=2%3A4x`), "0")
	f.Add([]byte(`d=a%5C%5Cn%5Cn&d=b`), "12")
	f.Fuzz(func(t *testing.T, body []byte, index string) {
		payload, err := UnwrapJSONP(body)
		if err != nil {
			return
		}
		script := WrapJSONP(index, payload)
		// A script may not end where its string does.
		if bytes.ContainsAny(script, "\n\r\u2028\u2029") && !strings.ContainsAny(index, "\n\r\u2028\u2029") {
			t.Errorf("the script has more than a line: %q", script)
		}
	})
}
