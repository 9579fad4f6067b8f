// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
)

const (
	issuer   = "https://id.example.com"
	audience = "chat"
)

// now is the time of the tests.
var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// The keys of the tests.
var (
	rsaKey   = sync.OnceValue(func() jwttest.Key { return jwttest.RSA("rsa", 2048) })
	secret   = bytes.Repeat([]byte("0123456789abcdef"), 4)
	hmacKey  = jwttest.HMAC("hmac", secret)
	p256Key  = sync.OnceValue(func() jwttest.Key { return jwttest.EC("p256", elliptic.P256()) })
	p384Key  = sync.OnceValue(func() jwttest.Key { return jwttest.EC("p384", elliptic.P384()) })
	p521Key  = sync.OnceValue(func() jwttest.Key { return jwttest.EC("p521", elliptic.P521()) })
	edKey    = sync.OnceValue(func() jwttest.Key { return jwttest.Ed25519("ed") })
	otherKey = sync.OnceValue(func() jwttest.Key { return jwttest.EC("other", elliptic.P256()) })
)

// allKeys are those of the verifier.
func allKeys(t testing.TB) *keys.Mounted {
	t.Helper()
	data := jwttest.Set(t, rsaKey(), p256Key(), p384Key(), p521Key(), edKey(), hmacKey)
	return mounted(t, data)
}

func mounted(t testing.TB, data []byte) *keys.Mounted {
	t.Helper()
	set, err := keys.ParseSet(data, false)
	if err != nil {
		t.Fatal(err)
	}
	m := &keys.Mounted{}
	m.Set(set)
	return m
}

func newVerifier(t testing.TB, source keys.Source) *Verifier {
	t.Helper()
	v, err := New(Config{
		Issuer: issuer, Audiences: []string{"board", audience}, Keys: source,
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// claimsWith are good claims with some changes; nil removes one.
func claimsWith(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": issuer, "aud": audience, "sub": "anna", "jti": "t1", "exp": now.Add(time.Hour).Unix(), "iat": now.Add(-time.Minute).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func textOf(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEachAlgorithmIsVerifiedWithItsKey(t *testing.T) {
	v := newVerifier(t, allKeys(t))
	for algorithm, key := range map[string]jwttest.Key{
		"RS256": rsaKey(), "RS384": rsaKey(), "RS512": rsaKey(), "PS256": rsaKey(), "PS384": rsaKey(), "PS512": rsaKey(),
		"ES256": p256Key(), "ES384": p384Key(), "ES512": p521Key(), "EdDSA": edKey(), "Ed25519": edKey(),
		"HS256": hmacKey, "HS384": hmacKey, "HS512": hmacKey,
	} {
		t.Run(algorithm, func(t *testing.T) {
			token := key.Sign(t, algorithm, claimsWith(nil))
			s, err := v.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if s.Subject != "anna" || s.ID != "t1" || !s.Expires.Equal(now.Add(time.Hour)) || !s.IssuedAt.Equal(now.Add(-time.Minute)) || s.User != "" {
				t.Errorf("statement %+v", s)
			}
			if string(s.Claims) != textOf(t, claimsWith(nil)) {
				t.Errorf("claims %s", s.Claims)
			}
			key.ID = "" // every key that fits is tried then
			if _, err := v.Verify(t.Context(), key.Sign(t, algorithm, claimsWith(nil))); err != nil {
				t.Errorf("without a key id: %v", err)
			}
		})
	}
}

// refused is a token and how it is refused.
type refused struct {
	name         string
	token        string
	code         identity.Code
	unrecognized bool
}

// signed is a row for a token of good keys with other claims.
func signed(t *testing.T, name string, code identity.Code, changes map[string]any) refused {
	t.Helper()
	return refused{name: name, token: p256Key().Sign(t, "ES256", claimsWith(changes)), code: code}
}

// headed is a row for a token of good keys and claims with another header.
func headed(t *testing.T, name, header string) refused {
	t.Helper()
	return refused{
		name: name, token: p256Key().SignText(t, "ES256", header, textOf(t, claimsWith(nil))), code: identity.TokenInvalid,
	}
}

// worded is a row for a token of good keys with claims as they are written.
func worded(t *testing.T, name, claims string) refused {
	t.Helper()
	return refused{name: name, token: p256Key().SignText(t, "ES256", `{"alg":"ES256","kid":"p256"}`, claims), code: identity.TokenInvalid}
}

func foreign(r refused) refused {
	r.unrecognized = true
	return r
}

func checkRefused(t *testing.T, v *Verifier, rows []refused) {
	t.Helper()
	seen := map[string]bool{}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if seen[r.name] {
				t.Fatal("the name is there twice")
			}
			seen[r.name] = true
			s, err := v.Verify(t.Context(), r.token)
			if err == nil {
				t.Fatalf("accepted as %+v", s)
			}
			var e *identity.Error
			if !errors.As(err, &e) || e.Code != r.code || e.Unrecognized != r.unrecognized {
				t.Errorf("refused by %#v, want code %s, unrecognized %v", err, r.code, r.unrecognized)
			}
			for part := range strings.SplitSeq(r.token, ".") {
				decoded, _ := base64.RawURLEncoding.DecodeString(part)
				if part != "" && strings.Contains(err.Error(), part) || len(decoded) > 0 && strings.Contains(err.Error(), string(decoded)) {
					t.Errorf("the error has a part of the token in it: %v", err)
				}
			}
			for _, secret := range []string{"anna", "t1", "somebody else", "p256"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error has a claim in it: %v", err)
				}
			}
		})
	}
}

func TestTokensOfAnotherFormAreRefused(t *testing.T) {
	good := p256Key().Sign(t, "ES256", claimsWith(nil))
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	invalid := func(name, token string) refused {
		return foreign(refused{name: name, token: token, code: identity.TokenInvalid})
	}
	checkRefused(t, newVerifier(t, allKeys(t)), []refused{
		invalid("empty", ""),
		invalid("one part", header),
		invalid("two parts", header+"."+payload),
		invalid("four parts", good+"."+signature),
		invalid("JWE, five parts", good+"."+payload+"."+signature),
		invalid("only dots", ".."),
		invalid("padded", header+"=."+payload+"."+signature),
		invalid("standard base64", strings.ReplaceAll(header+"."+payload+"."+signature, "e", "+")),
		invalid("a line break in the signature", good[:len(good)-4]+"\n"+good[len(good)-4:]),
		invalid("a carriage return at the end", good+"\r"),
		invalid("bits behind the last byte", header+"."+payload+"."+signature[:len(signature)-1]+"_"),
		invalid("white space around it", " "+good),
		invalid("longer than the bound", good+strings.Repeat("A", identity.MaxToken)),
		{name: "no signature", token: header + "." + payload + ".", code: identity.TokenInvalid},
		{name: "a signature of another length", token: header + "." + payload + ".AAAA", code: identity.TokenInvalid},
	})
}

func TestATokenMayHaveTheLengthOfTheBound(t *testing.T) {
	v := newVerifier(t, allKeys(t))
	claims := claimsWith(map[string]any{"pad": ""})
	empty := len(hmacKey.Sign(t, "HS256", claims))
	claims["pad"] = strings.Repeat("x", (identity.MaxToken-empty)/4*3)
	token := hmacKey.Sign(t, "HS256", claims)
	if len(token) < identity.MaxToken-4 || len(token) > identity.MaxToken {
		t.Fatalf("the test's token has %d bytes", len(token))
	}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	claims := textOf(t, claimsWith(nil))
	unsigned := func(name, header string) refused {
		encode := base64.RawURLEncoding.EncodeToString
		return refused{name: name, token: encode([]byte(header)) + "." + encode([]byte(claims)) + ".", code: identity.TokenInvalid}
	}
	checkRefused(t, newVerifier(t, allKeys(t)), []refused{
		foreign(headed(t, "not JSON", `alg=ES256`)),
		foreign(headed(t, "not an object", `["ES256"]`)),
		foreign(headed(t, "null", `null`)),
		foreign(headed(t, "alg twice", `{"alg":"ES256","alg":"ES256","kid":"p256"}`)),
		foreign(headed(t, "alg twice, once escaped", `{"alg":"none","\u0061lg":"ES256","kid":"p256"}`)),
		foreign(headed(t, "kid twice", `{"alg":"ES256","kid":"other","kid":"p256"}`)),
		foreign(headed(t, "any member twice", `{"alg":"ES256","kid":"p256","x":1,"x":2}`)),
		foreign(headed(t, "not UTF-8", "{\"alg\":\"ES256\",\"kid\":\"p256\",\"x\":\"\xff\"}")),
		foreign(headed(t, "kid is a number", `{"alg":"ES256","kid":1}`)),
		foreign(headed(t, "alg is a list", `{"alg":["ES256"],"kid":"p256"}`)),
		headed(t, "no alg", `{"kid":"p256"}`),
		headed(t, "ALG in another case", `{"ALG":"ES256","kid":"p256"}`),
		headed(t, "alg in another case", `{"alg":"es256","kid":"p256"}`),
		headed(t, "an unknown alg", `{"alg":"ES256K","kid":"p256"}`),
		headed(t, "an encryption's alg", `{"alg":"RSA-OAEP","kid":"rsa"}`),
		headed(t, "crit", `{"alg":"ES256","kid":"p256","crit":["exp"],"exp":1}`),
		headed(t, "empty crit", `{"alg":"ES256","kid":"p256","crit":[]}`),
		headed(t, "null as crit", `{"alg":"ES256","kid":"p256","crit":null}`),
		headed(t, "an unencoded payload", `{"alg":"ES256","kid":"p256","crit":["b64"],"b64":false}`),
		foreign(headed(t, "a logout token", `{"alg":"ES256","kid":"p256","typ":"logout+jwt"}`)),
		foreign(headed(t, "a proof of possession", `{"alg":"ES256","kid":"p256","typ":"dpop+jwt"}`)),
		unsigned("none", `{"alg":"none"}`),
		unsigned("none with a key id", `{"alg":"none","kid":"p256"}`),
		unsigned("None", `{"alg":"None","kid":"p256"}`),
		unsigned("NONE", `{"alg":"NONE","kid":"p256"}`),
		unsigned("ES256 and no signature", `{"alg":"ES256","kid":"p256"}`),
	})
}

// Another entry of the namespace may know the issuer, and what the header asks for.
func TestTheHeaderOfAnotherIssuersTokenIsNotJudged(t *testing.T) {
	elsewhere := textOf(t, claimsWith(map[string]any{"iss": "https://other.example.com"}))
	row := func(name, header, claims string) refused {
		return foreign(refused{name: name, token: p256Key().SignText(t, "ES256", header, claims), code: identity.TokenInvalid})
	}
	rows := []refused{row("for another audience", `{"alg":"ES256K"}`, textOf(t, claimsWith(map[string]any{"aud": "mail"})))}
	for _, header := range []string{`{"alg":"ES256K"}`, `{"alg":"none"}`, `{"typ":"JWT"}`, `{"alg":"ES256","crit":["exp"],"exp":1}`} {
		rows = append(rows, row(header, header, elsewhere))
	}
	checkRefused(t, newVerifier(t, failing{errors.New("keys are looked for")}), rows)

	chain := identity.Chain{byToken(t, newVerifier(t, allKeys(t))), byToken(t, knows("anna"))}
	token, err := json.Marshal(map[string]string{"token": rows[1].token})
	if err != nil {
		t.Fatal(err)
	}
	if by, s, err := chain.Authenticate(t.Context(), &identity.Request{Auth: token}); by != 1 || err != nil || s.User != "anna" {
		t.Errorf("%d decides: %+v, %v", by, s, err)
	}
	if _, _, err := chain[:1].Authenticate(t.Context(), &identity.Request{Auth: token}); codeOf(err) != identity.TokenInvalid {
		t.Errorf("where nobody else is asked: %v", err)
	}
}

func byToken(t *testing.T, v identity.Verifier) identity.Authenticator {
	t.Helper()
	l, err := identity.ParseLocations(nil)
	if err != nil {
		t.Fatal(err)
	}
	return identity.ByToken(l, v)
}

// knows is a verifier that takes any token for one of a user.
type knows string

func (k knows) Verify(context.Context, string) (*identity.Statement, error) {
	return &identity.Statement{User: string(k)}, nil
}

// Of this issuer's tokens, no keys are looked for if the header rules them out.
func TestATokenThatNoKeyCanVerifyNeedsNoKeys(t *testing.T) {
	v := newVerifier(t, failing{errors.New("keys are looked for")})
	checkRefused(t, v, []refused{
		headed(t, "an unknown alg", `{"alg":"ES256K","kid":"p256"}`),
		headed(t, "crit", `{"alg":"ES256","kid":"p256","crit":["exp"],"exp":1}`),
	})
}

func TestTypesOfTokensOfUsersAreAccepted(t *testing.T) {
	v := newVerifier(t, allKeys(t))
	for _, header := range []string{
		`{"alg":"ES256","kid":"p256"}`,
		`{"alg":"ES256","kid":"p256","typ":"JWT"}`,
		`{"alg":"ES256","kid":"p256","typ":"at+jwt"}`,
		`{"alg":"ES256","kid":"p256","typ":"application/at+JWT","cty":"x","b64":true}`,
	} {
		if _, err := v.Verify(t.Context(), p256Key().SignText(t, "ES256", header, textOf(t, claimsWith(nil)))); err != nil {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// What a key may verify is decided by its type.
func TestAlgorithmsOfOtherKeysAreRefused(t *testing.T) {
	claims := textOf(t, claimsWith(nil))
	row := func(name string, key jwttest.Key, algorithm, header string) refused {
		return refused{name: name, token: key.SignText(t, algorithm, header, claims), code: identity.TokenInvalid}
	}
	n, _ := rsaKey().JWK()["n"].(string)
	modulus, _ := base64.RawURLEncoding.DecodeString(n)
	x, _ := edKey().JWK()["x"].(string)
	edPublic, _ := base64.RawURLEncoding.DecodeString(x)
	checkRefused(t, newVerifier(t, allKeys(t)), []refused{
		row("HMAC with the RSA key's modulus", jwttest.HMAC("", modulus), "HS256", `{"alg":"HS256","kid":"rsa"}`),
		row("HMAC with the Ed25519 key", jwttest.HMAC("", edPublic), "HS256", `{"alg":"HS256","kid":"ed"}`),
		row("HMAC with the Ed25519 key, unnamed", jwttest.HMAC("", edPublic), "HS256", `{"alg":"HS256"}`),
		row("HMAC with an empty key", jwttest.HMAC("", nil), "HS256", `{"alg":"HS256","kid":"rsa"}`),
		row("ES512 with the P-256 key", p256Key(), "ES512", `{"alg":"ES512","kid":"p256"}`),
		row("ES256 with the P-384 key", p384Key(), "ES256", `{"alg":"ES256","kid":"p384"}`),
		row("RS256 with the P-256 key", rsaKey(), "RS256", `{"alg":"RS256","kid":"p256"}`),
		row("PS256 called RS256", rsaKey(), "PS256", `{"alg":"RS256","kid":"rsa"}`),
		row("RS256 called PS256", rsaKey(), "RS256", `{"alg":"PS256","kid":"rsa"}`),
		row("SHA-512 called 256", rsaKey(), "RS512", `{"alg":"RS256","kid":"rsa"}`),
		row("a key that nobody knows", otherKey(), "ES256", `{"alg":"ES256","kid":"other"}`),
		row("a key that nobody knows, unnamed", otherKey(), "ES256", `{"alg":"ES256"}`),
		row("a key that takes the name of another", otherKey(), "ES256", `{"alg":"ES256","kid":"p256"}`),
		row("EdDSA by another key", jwttest.Ed25519(""), "EdDSA", `{"alg":"EdDSA","kid":"ed"}`),
	})
}

// A token never says where its key is.
func TestKeysInHeadersAreIgnored(t *testing.T) {
	claims := textOf(t, claimsWith(nil))
	jwk := textOf(t, otherKey().JWK())
	var rows []refused
	for name, member := range map[string]string{
		"jwk": `"jwk":` + jwk,
		"jku": `"jku":"https://127.0.0.1:1/keys"`,
		"x5u": `"x5u":"https://127.0.0.1:1/certificate"`,
		"x5c": `"x5c":["MIIB"]`,
	} {
		for _, kid := range []string{"", `"kid":"p256",`, `"kid":"other",`} {
			rows = append(rows, refused{
				name: name + " " + kid, token: otherKey().SignText(t, "ES256", `{"alg":"ES256",`+kid+member+`}`, claims), code: identity.TokenInvalid,
			})
		}
	}
	checkRefused(t, newVerifier(t, allKeys(t)), rows)
}

func TestClaimsThatAreRefused(t *testing.T) {
	invalid, expired := identity.TokenInvalid, identity.TokenExpired
	good := textOf(t, claimsWith(nil))
	with := func(member string) string { return good[:len(good)-1] + "," + member + "}" }
	leeway := DefaultLeeway
	checkRefused(t, newVerifier(t, allKeys(t)), []refused{
		foreign(worded(t, "not JSON", `iss=id`)),
		foreign(worded(t, "a list", `[]`)),
		foreign(worded(t, "null", `null`)),
		foreign(worded(t, "nothing", ``)),
		foreign(worded(t, "something behind it", good+`{}`)),
		foreign(worded(t, "exp twice", with(`"exp":9999999999`))),
		foreign(worded(t, "exp twice, once escaped", with(`"\u0065xp":9999999999`))),
		foreign(worded(t, "sub twice", with(`"sub":"somebody else"`))),
		foreign(worded(t, "a name twice further down", with(`"roles":{"admin":false,"admin":true}`))),
		foreign(worded(t, "not UTF-8", with("\"name\":\"\xff\""))),
		foreign(worded(t, "half a surrogate pair", with(`"name":"\ud800"`))),

		foreign(signed(t, "no issuer", invalid, map[string]any{"iss": nil})),
		foreign(signed(t, "another issuer", invalid, map[string]any{"iss": issuer + "/"})),
		foreign(signed(t, "the issuer in a list", invalid, map[string]any{"iss": []string{issuer}})),
		foreign(signed(t, "no audience", invalid, map[string]any{"aud": nil})),
		foreign(signed(t, "another audience", invalid, map[string]any{"aud": "chats"})),
		foreign(signed(t, "other audiences", invalid, map[string]any{"aud": []string{"a", "b"}})),
		foreign(signed(t, "a list of no audience", invalid, map[string]any{"aud": []string{}})),
		foreign(signed(t, "an audience that is no string", invalid, map[string]any{"aud": []any{audience, 1}})),
		foreign(signed(t, "an audience that is an object", invalid, map[string]any{"aud": map[string]any{audience: true}})),

		signed(t, "no exp", invalid, map[string]any{"exp": nil}),
		signed(t, "exp is a string", invalid, map[string]any{"exp": "9999999999"}),
		worded(t, "exp is null", textOf(t, claimsWith(map[string]any{"exp": json.RawMessage("null")}))),
		signed(t, "exp is true", invalid, map[string]any{"exp": true}),
		signed(t, "exp is a list", invalid, map[string]any{"exp": []int{1}}),
		signed(t, "exp in milliseconds", invalid, map[string]any{"exp": now.Add(time.Hour).UnixMilli()}),
		signed(t, "exp is negative", invalid, map[string]any{"exp": -1}),
		signed(t, "exp is beyond all numbers", invalid, map[string]any{"exp": json.RawMessage("1e999")}),
		signed(t, "EXP in another case", invalid, map[string]any{"exp": nil, "EXP": now.Add(time.Hour).Unix()}),
		signed(t, "expired", expired, map[string]any{"exp": now.Add(-time.Hour).Unix()}),
		signed(t, "exp is zero", expired, map[string]any{"exp": 0}),
		signed(t, "just expired, with leeway", expired, map[string]any{"exp": now.Add(-leeway).Unix()}),

		signed(t, "nbf is a string", invalid, map[string]any{"nbf": "0"}),
		worded(t, "nbf is null", textOf(t, claimsWith(map[string]any{"nbf": json.RawMessage("null")}))),
		signed(t, "not valid yet", invalid, map[string]any{"nbf": now.Add(leeway + time.Second).Unix()}),
		signed(t, "iat is a string", invalid, map[string]any{"iat": "0"}),
		worded(t, "iat is null", textOf(t, claimsWith(map[string]any{"iat": json.RawMessage("null")}))),
		signed(t, "issued in the future", invalid, map[string]any{"iat": now.Add(leeway + time.Second).Unix()}),
		signed(t, "sub is a number", invalid, map[string]any{"sub": 7}),
		worded(t, "sub is null", textOf(t, claimsWith(map[string]any{"sub": json.RawMessage("null")}))),
		signed(t, "jti is a list", invalid, map[string]any{"jti": []string{"t1"}}),
	})
}

func TestClaimsThatAreAccepted(t *testing.T) {
	v := newVerifier(t, allKeys(t))
	for name, changes := range map[string]map[string]any{
		"one of several audiences":         {"aud": []string{"other", "board"}},
		"a fraction of a second":           {"exp": json.RawMessage("4102444800.25")},
		"an exponent":                      {"exp": json.RawMessage("4.1024448e9")},
		"the end of the year 9999":         {"exp": lastSecond},
		"expired within the leeway":        {"exp": now.Add(-DefaultLeeway + time.Second).Unix()},
		"valid soon, within the leeway":    {"nbf": now.Add(DefaultLeeway).Unix()},
		"issued soon, within the leeway":   {"iat": now.Add(DefaultLeeway).Unix()},
		"no subject, id or time of issue":  {"sub": nil, "jti": nil, "iat": nil},
		"an integer that no float64 holds": {"n": json.RawMessage("9007199254740993")},
	} {
		t.Run(name, func(t *testing.T) {
			claims := claimsWith(changes)
			s, err := v.Verify(t.Context(), p256Key().Sign(t, "ES256", claims))
			if err != nil {
				t.Fatal(err)
			}
			if string(s.Claims) != textOf(t, claims) {
				t.Errorf("claims %s", s.Claims)
			}
		})
	}
}

func TestWhoeverTampersWithATokenIsRefused(t *testing.T) {
	v := newVerifier(t, allKeys(t))
	for algorithm, key := range map[string]jwttest.Key{"RS256": rsaKey(), "ES256": p256Key(), "EdDSA": edKey(), "HS256": hmacKey} {
		token := key.Sign(t, algorithm, claimsWith(nil))
		parts := strings.Split(token, ".")
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(textOf(t, claimsWith(map[string]any{"sub": "somebody else"}))))
		if s, err := v.Verify(t.Context(), strings.Join(parts, ".")); err == nil {
			t.Errorf("%s: accepted as %+v", algorithm, s)
		}
		for i := range token {
			changed := []byte(token)
			if changed[i] = 'A'; token[i] == 'A' {
				changed[i] = 'B'
			}
			if s, err := v.Verify(t.Context(), string(changed)); err == nil {
				t.Fatalf("%s with another byte %d: accepted as %+v", algorithm, i, s)
			}
		}
	}
}

func TestLeeway(t *testing.T) {
	exp := map[string]any{"exp": now.Unix()}
	for leeway, code := range map[time.Duration]identity.Code{-1: identity.TokenExpired, time.Second: "", 0: ""} {
		v, err := New(Config{Issuer: issuer, Audiences: []string{audience}, Keys: allKeys(t), Leeway: leeway, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(t.Context(), p256Key().Sign(t, "ES256", claimsWith(exp)))
		if got := codeOf(err); got != code {
			t.Errorf("leeway %v: code %q, want %q", leeway, got, code)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	source := allKeys(t)
	for name, c := range map[string]Config{
		"no issuer":         {Audiences: []string{"a"}, Keys: source},
		"no audience":       {Issuer: "i", Keys: source},
		"an empty audience": {Issuer: "i", Audiences: []string{"a", ""}, Keys: source},
		"no keys":           {Issuer: "i", Audiences: []string{"a"}},
		"a long leeway":     {Issuer: "i", Audiences: []string{"a"}, Keys: source, Leeway: time.Hour},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// One HMAC key replaces another while both are in use, and no longer works when it is gone.
func TestHMACKeysAreRotated(t *testing.T) {
	ctx := t.Context()
	oldSecret, newSecret := bytes.Repeat([]byte("old "), 8), bytes.Repeat([]byte("new "), 8)
	source := &keys.Mounted{}
	v := newVerifier(t, source)
	oldToken := jwttest.HMAC("", oldSecret).Sign(t, "HS256", claimsWith(nil))
	newToken := jwttest.HMAC("2026", newSecret).Sign(t, "HS256", claimsWith(nil)) // an id that is no file's
	expect := func(when string, oldCode, newCode identity.Code) {
		t.Helper()
		_, oldErr := v.Verify(ctx, oldToken)
		_, newErr := v.Verify(ctx, newToken)
		if codeOf(oldErr) != oldCode || codeOf(newErr) != newCode {
			t.Errorf("%s: old %q, new %q; want %q and %q", when, codeOf(oldErr), codeOf(newErr), oldCode, newCode)
		}
	}
	expect("without keys", identity.Unavailable, identity.Unavailable)
	source.Set(keys.ParseHMACFiles(map[string][]byte{"one": oldSecret}))
	expect("with the old one", "", identity.TokenInvalid)
	source.Set(keys.ParseHMACFiles(map[string][]byte{"one": oldSecret, "two": append(newSecret, '\n')}))
	expect("with both", "", "")
	source.Set(keys.ParseHMACFiles(map[string][]byte{"two": newSecret}))
	expect("with the new one", identity.TokenInvalid, "")
	source.Set(keys.ParseHMACFiles(nil))
	expect("when the Secret is empty", identity.Unavailable, identity.Unavailable)
}

func codeOf(err error) identity.Code {
	if err == nil {
		return ""
	}
	return identity.AsError(err).Code
}

// failing is a source without keys.
type failing struct{ err error }

func (f failing) Keys(context.Context) (*keys.Set, error)             { return nil, f.err }
func (f failing) Newer(context.Context, *keys.Set) (*keys.Set, error) { return nil, f.err }

func TestATokenOfAnotherIssuerNeedsNoKeys(t *testing.T) {
	v := newVerifier(t, failing{keys.ErrNotFetched})
	_, err := v.Verify(t.Context(), p256Key().Sign(t, "ES256", claimsWith(map[string]any{"iss": "https://other.example.com"})))
	if e := identity.AsError(err); !e.Unrecognized || e.Code != identity.TokenInvalid {
		t.Errorf("refused by %v", err)
	}
	_, err = v.Verify(t.Context(), p256Key().Sign(t, "ES256", claimsWith(nil)))
	if e := identity.AsError(err); e.Unrecognized || e.Code != identity.Unavailable || !errors.Is(err, keys.ErrNotFetched) {
		t.Errorf("refused by %v", err)
	}
}

// rotating is a source that has newer keys when it is asked for them.
type rotating struct {
	known, newer *keys.Mounted
	err          error
	asked        int
}

func (r *rotating) Keys(ctx context.Context) (*keys.Set, error) { return r.known.Keys(ctx) }

func (r *rotating) Newer(ctx context.Context, _ *keys.Set) (*keys.Set, error) {
	r.asked++
	if r.err != nil {
		return nil, r.err
	}
	return r.newer.Keys(ctx)
}

func TestNewerKeysAreAskedForWhenOneIsUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		key   jwttest.Key
		newer []jwttest.Key
		err   error
		want  identity.Code
		asked int
	}{
		"a known key":                            {p256Key(), nil, nil, "", 0},
		"a new key":                              {otherKey(), []jwttest.Key{otherKey()}, nil, "", 1},
		"a new key that no token names":          {withID(otherKey(), ""), []jwttest.Key{otherKey()}, nil, "", 1},
		"a key that nobody knows":                {otherKey(), []jwttest.Key{p256Key()}, nil, identity.TokenInvalid, 1},
		"a new key while the issuer is down":     {otherKey(), nil, keys.ErrNotFetched, identity.Unavailable, 1},
		"a new key when the issuer has no other": {otherKey(), nil, nil, identity.Unavailable, 1},
		"a key that takes the name of another":   {withID(otherKey(), "p256"), []jwttest.Key{otherKey()}, nil, identity.TokenInvalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source := &rotating{known: mounted(t, jwttest.Set(t, p256Key())), newer: mounted(t, jwttest.Set(t, c.newer...)), err: c.err}
			_, err := newVerifier(t, source).Verify(t.Context(), c.key.Sign(t, "ES256", claimsWith(nil)))
			if codeOf(err) != c.want || source.asked != c.asked {
				t.Errorf("error %v, asked %d times; want %q and %d", err, source.asked, c.want, c.asked)
			}
		})
	}
}

func withID(k jwttest.Key, id string) jwttest.Key {
	k.ID = id
	return k
}

func FuzzVerify(f *testing.F) {
	v := newVerifier(f, allKeys(f))
	for algorithm, key := range map[string]jwttest.Key{"RS256": rsaKey(), "ES256": p256Key(), "EdDSA": edKey(), "HS256": hmacKey} {
		f.Add(key.Sign(f, algorithm, claimsWith(nil)))
	}
	f.Add("e30.e30.")
	f.Add(p256Key().SignText(f, "ES256", `{"alg":"ES256","crit":[]}`, `{"aud":[[]],"exp":1e400}`))
	f.Fuzz(func(t *testing.T, token string) {
		s, err := v.Verify(t.Context(), token)
		if (s == nil) == (err == nil) {
			t.Fatalf("statement %+v and error %v", s, err)
		}
		if err != nil && identity.AsError(err).Code == "" {
			t.Fatalf("an error without a code: %v", err)
		}
	})
}

// The claims are what a fuzzer does not get at behind a signature.
func FuzzClaims(f *testing.F) {
	f.Add(textOf(f, claimsWith(nil)))
	f.Add(`{"aud":["chat",null],"exp":-0.0,"nbf":1e-400}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := readClaims([]byte(text))
		if !ok {
			return
		}
		_ = c.isFor(issuer, []string{audience})
		s, err := c.statement(now, DefaultLeeway)
		if (s == nil) == (err == nil) {
			t.Fatalf("statement %+v and error %v", s, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v := newVerifier(b, allKeys(b))
	for _, row := range []struct {
		algorithm string
		key       jwttest.Key
	}{{"HS256", hmacKey}, {"RS256", rsaKey()}, {"PS256", rsaKey()}, {"ES256", p256Key()}, {"ES384", p384Key()}, {"EdDSA", edKey()}} {
		token := row.key.Sign(b, row.algorithm, claimsWith(map[string]any{"name": strings.Repeat("x", 300)}))
		b.Run(row.algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(identity.AtOnce, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
