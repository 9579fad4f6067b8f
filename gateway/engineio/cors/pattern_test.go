// SPDX-License-Identifier: Apache-2.0

package cors

import "testing"

func TestOriginPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, origin string
		want            bool
	}{
		{"https://chat.example.com", "https://chat.example.com", true},
		{"https://chat.example.com", "https://chat.example.com:8443", false},
		{"https://chat.example.com", "http://chat.example.com", false},
		{"https://chat.example.com", "https://chat_example.com", false},
		{"null", "null", true},
		{"https://*.example.com", "https://a.example.com", true},
		{"https://*.example.com", "https://a.b.example.com", true},
		{"https://*.example.com", "https://example.com", false},
		{"https://*.example.com", "https://.example.com", false},
		{"https://*.example.com", "https://a.example.com.evil.net", false},
		{"https://*.example.com", "https://evil.net/.example.com", false},
		{"https://*.example.com", "https://evil.net#.example.com", false},
		{"https://*.example.com", "https://user@evil.net:x.example.com", false},
		{"https://*.example.com", "https://a.example.com:8443", false},
		{"https://*.example.com", "http://a.example.com", false},
		{"https://*.example.com", "xhttps://a.example.com", false},
		{"https://*.example.com", "https://aXexample.com", false},
		{"http://localhost:*", "http://localhost:5173", true},
		{"http://localhost:*", "http://localhost", false},
		{"http://localhost:*", "http://localhost:", false},
		{"https://*.example.com:*", "https://a.example.com:8443", true},
		{"https://*.example.com:*", "https://a.example.com", false},
		{"https://app-*.example.com", "https://app-17.example.com", true},
	} {
		if got := originPattern(test.pattern).matches(test.origin); got != test.want {
			t.Errorf("%s matches %s: %t, want %t", test.pattern, test.origin, got, test.want)
		}
	}
}

func TestOriginsThatCannotMatchAreRefused(t *testing.T) {
	for _, origin := range []string{"*", "null", "https://a.example", "https://*.a.example", "http://localhost:*", "capacitor://localhost", "file://"} {
		if err := checkOrigin(origin); err != nil {
			t.Errorf("%q: %v", origin, err)
		}
	}
	for _, origin := range []string{
		"", "a.example", "https://", "https://a.example/", "https://a.example/x", "*://a.example", "https://a b", "https://a\n", "https://*.*.*.a",
	} {
		if checkOrigin(origin) == nil {
			t.Errorf("%q: accepted", origin)
		}
	}
}
