// SPDX-License-Identifier: Apache-2.0

package static

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
)

const (
	tokenA = "token-of-device-a-0001"
	tokenB = "token-of-device-b-0001"
)

func files(t *testing.T, contents map[string]string) map[string][]byte {
	t.Helper()
	f := map[string][]byte{}
	for name, content := range contents {
		f[name] = []byte(content)
	}
	return f
}

func codeOf(err error) identity.Code {
	if err == nil {
		return ""
	}
	return identity.AsError(err).Code
}

func TestUsersOfTokens(t *testing.T) {
	tokens := New()
	tokens.now = func() time.Time { return time.Unix(1767225600, 0) }
	err := tokens.Set(files(t, map[string]string{
		"anna":     "  " + tokenA + "  \r\n",
		"two":      "the-first-of-two-tokens\n\nthe-other-of-two-tokens\n",
		"document": `{"user":"sensor 7","tokens":["` + tokenB + `"],"claims":{"site":"north","n":9007199254740993},"expires":1767225601}`,
		"ended":    `{"tokens":["a-token-that-has-ended"],"expires":1767225600}`,
	}))
	if err != nil || tokens.Len() != 5 {
		t.Fatalf("%d tokens, %v", tokens.Len(), err)
	}
	for token, want := range map[string]struct {
		user, claims string
		code         identity.Code
	}{
		tokenA:                    {"anna", "", ""},
		"the-first-of-two-tokens": {"two", "", ""},
		"the-other-of-two-tokens": {"two", "", ""},
		tokenB:                    {"sensor 7", `{"site":"north","n":9007199254740993}`, ""},
		"a-token-that-has-ended":  {"", "", identity.TokenExpired},
		tokenA + "x":              {"", "", identity.TokenInvalid},
		tokenA[1:]:                {"", "", identity.TokenInvalid},
		"":                        {"", "", identity.TokenInvalid},
		"anna":                    {"", "", identity.TokenInvalid},
	} {
		s, err := tokens.Verify(t.Context(), token)
		if codeOf(err) != want.code {
			t.Errorf("%q: error %v, want %q", token, err, want.code)
		} else if err == nil && (s.User != want.user || string(s.Claims) != want.claims) {
			t.Errorf("%q: %+v", token, s)
		}
		if err != nil && token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("the error has the token in it: %v", err)
		}
	}
	if _, err := tokens.Verify(t.Context(), "nobody's"); !identity.AsError(err).Unrecognized {
		t.Errorf("%v", err)
	}
}

func TestTokensAreRotated(t *testing.T) {
	tokens := New()
	expect := func(when string, a, b identity.Code) {
		t.Helper()
		_, errA := tokens.Verify(t.Context(), tokenA)
		_, errB := tokens.Verify(t.Context(), tokenB)
		if codeOf(errA) != a || codeOf(errB) != b {
			t.Errorf("%s: %v and %v", when, errA, errB)
		}
	}
	expect("before the first file", identity.Unavailable, identity.Unavailable)
	tokens.Set(files(t, map[string]string{"anna": tokenA}))
	expect("with one", "", identity.TokenInvalid)
	tokens.Set(files(t, map[string]string{"anna": tokenA + "\n" + tokenB}))
	expect("with both", "", "")
	tokens.Set(files(t, map[string]string{"anna": tokenB}))
	expect("with the other", identity.TokenInvalid, "")
	tokens.Set(nil)
	expect("with none", identity.TokenInvalid, identity.TokenInvalid)
}

// One file that cannot be used takes nothing from the others.
func TestFilesThatAreLeftOut(t *testing.T) {
	for name, content := range map[string]string{
		"empty":               " \n",
		"a certificate":       "-----BEGIN CERTIFICATE-----\n" + tokenB + "\n-----END CERTIFICATE-----\n",
		"a URL":               "https://id.example.com/" + tokenB,
		"a key of SSH":        tokenB + "\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUCASZ1TYVWmYGmwWUqnNZ9XbwWpyAGTYo0kuO0kSZ2 anna@example",
		"a key in a list":     `{"tokens":["` + tokenB + `","MCowBQYDK2VwAyEAdQIBJnVNhVaZgabBZSqc1n1dvBanIAZNijSS47SRJnY="]}`,
		"a short token":       "0123456789abcde",
		"one short token":     "0123456789abcde\n0123456789abcdef",
		"no JSON":             `{"tokens":["` + tokenB + `"`,
		"no tokens":           `{"user":"x"}`,
		"an empty token":      `{"tokens":[""]}`,
		"an empty user":       `{"user":"","tokens":["` + tokenB + `"]}`,
		"claims in a list":    `{"tokens":["` + tokenB + `"],"claims":[]}`,
		"claims null":         `{"tokens":["` + tokenB + `"],"claims":null}`,
		"expires as a text":   `{"tokens":["` + tokenB + `"],"expires":"2026"}`,
		"an unknown member":   `{"tokens":["` + tokenB + `"],"expiry":1}`,
		"a member twice":      `{"tokens":["` + tokenB + `"],"user":"a","user":"b"}`,
		"claims with a twice": `{"tokens":["` + tokenB + `"],"claims":{"a":1,"a":2}}`,
	} {
		t.Run(name, func(t *testing.T) {
			tokens := New()
			err := tokens.Set(files(t, map[string]string{"anna": tokenA, "bad-file": content}))
			if err == nil || !strings.Contains(err.Error(), "bad-file") || strings.Contains(err.Error(), tokenB) {
				t.Errorf("error %v", err)
			}
			if s, err := tokens.Verify(t.Context(), tokenA); err != nil || s.User != "anna" || tokens.Len() != 1 {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func TestClaimsMayHaveWhatOthersKnow(t *testing.T) {
	tokens := New()
	err := tokens.Set(files(t, map[string]string{"anna": `{"tokens":["` + tokenA + `"],"claims":{"key":"-----BEGIN PUBLIC KEY-----"}}`}))
	if s, verr := tokens.Verify(t.Context(), tokenA); err != nil || verr != nil || s.User != "anna" {
		t.Errorf("%+v, %v, %v", s, err, verr)
	}
}

func TestATokenOfTwoUsersIsNobodys(t *testing.T) {
	tokens := New()
	err := tokens.Set(files(t, map[string]string{"anna": tokenA + "\n" + tokenB, "bert": tokenA}))
	if err == nil || !strings.Contains(err.Error(), "bert") {
		t.Errorf("error %v", err)
	}
	if _, err := tokens.Verify(t.Context(), tokenA); codeOf(err) != identity.TokenInvalid {
		t.Errorf("error %v", err)
	}
	if s, err := tokens.Verify(t.Context(), tokenB); err != nil || s.User != "anna" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := tokens.Set(files(t, map[string]string{"anna": tokenA + "\n" + tokenA})); err != nil || tokens.Len() != 1 {
		t.Errorf("twice in one file: %v", err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(tokenA + "\n" + tokenB))
	f.Add([]byte(`{"user":"sensor 7","tokens":["` + tokenB + `"],"claims":{"site":"north"},"expires":1767225601}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		tokens, s, err := parse("name", content)
		if err != nil {
			return
		}
		if s.User == "" || slices.Contains(tokens, "") || s.Claims != nil && !json.Valid(s.Claims) {
			t.Fatalf("%q, %+v", tokens, s)
		}
	})
}
