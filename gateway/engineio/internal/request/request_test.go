// SPDX-License-Identifier: Apache-2.0

package request

import (
	"net/http/httptest"
	"testing"
)

func TestQuery(t *testing.T) {
	for query, want := range map[string]struct {
		protocol uint8
		base64   bool
		jsonp    string
	}{
		"EIO=4":                {protocol: 4},
		"EIO=4&b64=1&j=0":      {protocol: 4, base64: true},
		"EIO=3&b64=1":          {protocol: 3, base64: true},
		"EIO=3&j=___eio[7](*)": {protocol: 3, jsonp: "7"},
		"EIO=5":                {},
		"EIO=":                 {},
		"":                     {},
	} {
		r := New(httptest.NewRequest("GET", "/engine.io/?"+query, nil), false)
		index, _ := r.JSONP()
		if r.Protocol() != want.protocol || r.Base64() != want.base64 || index != want.jsonp {
			t.Errorf("%s: protocol %d, base64 %t, JSONP %q", query, r.Protocol(), r.Base64(), index)
		}
	}
}
