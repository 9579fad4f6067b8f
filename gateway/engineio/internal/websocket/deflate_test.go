// SPDX-License-Identifier: Apache-2.0

package websocket

import "testing"

func TestDeflateOffers(t *testing.T) {
	for offer, want := range map[string]bool{
		"":                   false,
		"permessage-deflate": true,
		"permessage-deflate; client_max_window_bits":                        true, // browsers
		"permessage-deflate; client_max_window_bits=15":                     true,
		`permessage-deflate; client_max_window_bits="10"`:                   true,
		"permessage-deflate; client_max_window_bits=16":                     false,
		"permessage-deflate; server_no_context_takeover":                    true,
		"permessage-deflate; server_no_context_takeover=1":                  false,
		"permessage-deflate; server_max_window_bits=10":                     false,
		"permessage-deflate; server_max_window_bits=10, permessage-deflate": true,
		"x-webkit-deflate-frame":                                            false,
		"permessage-deflate;":                                               false,
		"permessage-deflate; unknown":                                       false,
		"permessage-bzip2,permessage-deflate;client_no_context_takeover":    true,
		"permessage-deflate-2":                                              false,
	} {
		if got := AcceptsDeflate([]string{offer}); got != want {
			t.Errorf("%q: accepted %t, want %t", offer, got, want)
		}
	}
}
