// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
)

// The examples of RFC 7515, appendix A.1 to A.3, and RFC 8037, appendix A.4: a key, and what it has
// signed.
var vectors = []struct{ name, jwk, algorithm, token string }{
	{
		"RFC 7515 A.1",
		`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
		"HS256",
		"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." +
			"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
			"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	},
	{
		"RFC 7515 A.2",
		`{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM` +
			`EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-` +
			`bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3` +
			`qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}`,
		"RS256",
		"eyJhbGciOiJSUzI1NiJ9." +
			"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
			"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG" +
			"bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K" +
			"0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6" +
			"LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
	},
	{
		"RFC 7515 A.3",
		`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
		"ES256",
		"eyJhbGciOiJFUzI1NiJ9." +
			"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
			"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	},
	{
		"RFC 8037 A.4",
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
		"EdDSA",
		"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." +
			"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	},
}

func TestTheExamplesOfTheStandardsAreVerified(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			key, err := parseJWK([]byte(v.jwk), false)
			if err != nil {
				t.Fatal(err)
			}
			i := strings.LastIndexByte(v.token, '.')
			signature, err := base64.RawURLEncoding.DecodeString(v.token[i+1:])
			if err != nil {
				t.Fatal(err)
			}
			if !key.Verify(v.algorithm, v.token[:i], signature) {
				t.Error("the signature is refused")
			}
			if key.Verify(v.algorithm, v.token[:i]+"x", signature) {
				t.Error("the signature of something else is accepted")
			}
			for algorithm := range methods {
				if key.Verify(algorithm, v.token[:i], signature) && algorithm != v.algorithm && algorithm != "Ed25519" {
					t.Errorf("the signature is accepted for %s", algorithm)
				}
			}
			for _, algorithm := range []string{"none", "", "HS1"} {
				if key.Verify(algorithm, v.token[:i], signature) || key.Verify(algorithm, v.token[:i], nil) {
					t.Errorf("the signature is accepted for %q", algorithm)
				}
			}
		})
	}
}

// with are the members of a key with some changes; nil removes one.
func with(jwk map[string]any, changes map[string]any) map[string]any {
	jwk = maps.Clone(jwk)
	maps.Copy(jwk, changes)
	maps.DeleteFunc(jwk, func(_ string, v any) bool { return v == nil })
	return jwk
}

// shifted is an EC key whose coordinates are right one behind the other, and not each by itself.
func shifted(jwk map[string]any) map[string]any {
	x, _ := base64.RawURLEncoding.DecodeString(jwk["x"].(string))
	y, _ := base64.RawURLEncoding.DecodeString(jwk["y"].(string))
	return with(jwk, map[string]any{"x": encode(x[:31]), "y": encode(append(x[31:], y...))})
}

var (
	testRSA  = jwttest.RSA("rsa", 2048).JWK()
	testEC   = jwttest.EC("ec", elliptic.P256()).JWK()
	testEd   = jwttest.Ed25519("ed").JWK()
	testHMAC = jwttest.HMAC("oct", bytes.Repeat([]byte("k"), 32)).JWK()
)

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// One key that cannot be used takes nothing from the others.
func TestKeysThatAreSkipped(t *testing.T) {
	even := new(big.Int).Lsh(big.NewInt(1), 2047)
	huge := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), maxRSABits), big.NewInt(1))
	for name, jwk := range map[string]any{
		"no object":                   "key",
		"null":                        nil,
		"a list":                      []any{testEC},
		"no type":                     with(testEC, map[string]any{"kty": nil}),
		"an unknown type":             with(testEC, map[string]any{"kty": "AKP"}),
		"the type in another case":    with(testEC, map[string]any{"kty": "ec"}),
		"a type that is a number":     with(testEC, map[string]any{"kty": 1}),
		"an unknown curve":            with(testEC, map[string]any{"crv": "secp256k1"}),
		"an unknown curve of OKP":     with(testEd, map[string]any{"crv": "X25519"}),
		"Ed448":                       with(testEd, map[string]any{"crv": "Ed448", "x": encode(make([]byte, 57))}),
		"for encryption":              with(testRSA, map[string]any{"use": "enc"}),
		"an empty use":                with(testRSA, map[string]any{"use": ""}),
		"a use that is a list":        with(testRSA, map[string]any{"use": []string{"sig"}}),
		"operations without verify":   with(testRSA, map[string]any{"key_ops": []string{"encrypt", "sign"}}),
		"no operation":                with(testRSA, map[string]any{"key_ops": []string{}}),
		"an algorithm for encryption": with(testRSA, map[string]any{"alg": "RSA-OAEP-256"}),
		"another type's algorithm":    with(testRSA, map[string]any{"alg": "ES256"}),
		"HMAC with a public key":      with(testRSA, map[string]any{"alg": "HS256"}),
		"none":                        with(testRSA, map[string]any{"alg": "none"}),
		"another curve's algorithm":   with(testEC, map[string]any{"alg": "ES384"}),
		"1024 bits":                   jwttest.RSA("small", 1024).JWK(),
		"an even modulus":             with(testRSA, map[string]any{"n": encode(even.Bytes())}),
		"too large a modulus":         with(testRSA, map[string]any{"n": encode(huge.Bytes())}),
		"no modulus":                  with(testRSA, map[string]any{"n": nil}),
		"a modulus in base64":         with(testRSA, map[string]any{"n": "+/" + testRSA["n"].(string)}),
		"no exponent":                 with(testRSA, map[string]any{"e": nil}),
		"an exponent of 1":            with(testRSA, map[string]any{"e": "AQ"}),
		"an even exponent":            with(testRSA, map[string]any{"e": "BA"}),
		"a long exponent":             with(testRSA, map[string]any{"e": encode([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})}),
		"no coordinate":               with(testEC, map[string]any{"y": nil}),
		"a short coordinate":          with(testEC, map[string]any{"x": "AQ"}),
		"a byte of x in y":            shifted(testEC),
		"no point of the curve":       with(testEC, map[string]any{"x": encode(make([]byte, 32))}),
		"a long Ed25519 key":          with(testEd, map[string]any{"x": encode(make([]byte, 33))}),
		"a short HMAC key":            with(testHMAC, map[string]any{"k": encode(make([]byte, 31))}),
		"an HMAC key in base64":       with(testHMAC, map[string]any{"k": "+/" + testHMAC["k"].(string)}),
		"no HMAC key":                 with(testHMAC, map[string]any{"k": nil}),
		"a public key for HMAC":       with(testHMAC, map[string]any{"k": encode(der(t))}),
		"HS512 with 32 bytes":         with(testHMAC, map[string]any{"alg": "HS512"}),
	} {
		t.Run(name, func(t *testing.T) {
			set := parse(t, map[string]any{"keys": []any{testEC, jwk, testEd}}, false)
			if set.Len() != 2 || len(set.Skipped) != 1 {
				t.Errorf("%d keys, skipped %q", set.Len(), set.Skipped)
			}
		})
	}
	for name, member := range map[string]string{
		"kid twice":      `"kid":"a","kid":"b"`,
		"not UTF-8":      "\"kid\":\"\xff\"",
		"key_ops a text": `"key_ops":"verify"`,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := ParseSet(fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":%q,%s},{"kty":"OKP","crv":"Ed25519","x":%[1]q}]}`, testEd["x"], member), false)
			if err != nil || set.Len() != 1 || len(set.Skipped) != 1 {
				t.Errorf("%+v, %v", set, err)
			}
		})
	}
}

func TestKeysThatAreUsed(t *testing.T) {
	for name, c := range map[string]struct {
		jwk  map[string]any
		want []string
	}{
		"RSA":                 {testRSA, rsaAlgorithms},
		"RSA of an algorithm": {with(testRSA, map[string]any{"alg": "PS384"}), []string{"PS384"}},
		"for signatures":      {with(testEC, map[string]any{"use": "sig", "key_ops": []string{"sign", "verify"}}), []string{"ES256"}},
		"with certificates":   {with(testEC, map[string]any{"x5c": []string{"MIIB"}, "x5t": "?", "x5u": "http://example.com", "use": nil}), []string{"ES256"}},
		"with padding":        {with(testEd, map[string]any{"x": testEd["x"].(string) + "="}), edAlgorithms},
		"EdDSA":               {with(testEd, map[string]any{"alg": "EdDSA"}), edAlgorithms},
		"Ed25519":             {with(testEd, map[string]any{"alg": "Ed25519"}), edAlgorithms},
		"P-384":               {jwttest.EC("", elliptic.P384()).JWK(), []string{"ES384"}},
		"P-521":               {jwttest.EC("", elliptic.P521()).JWK(), []string{"ES512"}},
		"32 bytes of HMAC":    {testHMAC, []string{"HS256"}},
		"48 bytes of HMAC":    {jwttest.HMAC("", make([]byte, 48)).JWK(), []string{"HS256", "HS384"}},
		"64 bytes of HMAC":    {jwttest.HMAC("", make([]byte, 64)).JWK(), []string{"HS256", "HS384", "HS512"}},
		"a private key":       {with(testEd, map[string]any{"d": encode(make([]byte, 32))}), edAlgorithms},
	} {
		t.Run(name, func(t *testing.T) {
			set := parse(t, map[string]any{"keys": []any{c.jwk}}, false)
			if set.Len() != 1 || !slices.Equal(set.keys[0].algorithms, c.want) {
				t.Errorf("%+v, want algorithms %q", set, c.want)
			}
		})
	}
}

func TestSecretsThatAnybodyCanFetchAreSkipped(t *testing.T) {
	set := parse(t, map[string]any{"keys": []any{testHMAC, with(testEd, map[string]any{"d": "AA"}), testEC}}, true)
	if set.Len() != 1 || len(set.Skipped) != 2 {
		t.Errorf("%+v", set)
	}
}

func TestWhatIsNoSetIsRefused(t *testing.T) {
	for _, text := range []string{"", "null", "[]", "{}", `{"keys":null}`, `{"keys":{}}`, `{"Keys":[]}`, `{"keys":[}`, `{"keys":[]}{}`, "<html>"} {
		if set, err := ParseSet([]byte(text), true); err == nil {
			t.Errorf("%q: %+v", text, set)
		}
	}
	if set, err := ParseSet([]byte(`{"keys":[]}`), true); err != nil || set.Len() != 0 {
		t.Errorf("an empty set: %+v, %v", set, err)
	}
}

func TestASetHasABound(t *testing.T) {
	list := make([]any, maxKeys+2)
	for i := range list {
		list[i] = testEC
	}
	set := parse(t, map[string]any{"keys": list}, true)
	if found, _ := set.Find("", "ES256"); set.Len() != maxKeys || len(set.Skipped) != 2 || len(found) != maxTried {
		t.Errorf("%d keys, %d skipped, %d tried", set.Len(), len(set.Skipped), len(found))
	}
}

func TestFind(t *testing.T) {
	named := func(id string, jwk map[string]any) map[string]any { return with(jwk, map[string]any{"kid": id}) }
	set := parse(t, map[string]any{"keys": []any{
		named("a", testRSA), named("a", testEC), named("b", testEC), with(testEC, map[string]any{"kid": nil}), named("c", testEd),
	}}, true)
	files := ParseHMACFiles(map[string][]byte{"one": bytes.Repeat([]byte("1"), 32), "two": bytes.Repeat([]byte("2"), 64)})
	for name, c := range map[string]struct {
		set           *Set
		id, algorithm string
		want          []int
		named         bool
	}{
		"the only key of an id":             {set, "b", "ES256", []int{2}, true},
		"two keys of one id":                {set, "a", "ES256", []int{1}, true},
		"two keys of one id, the other one": {set, "a", "PS512", []int{0}, true},
		"an id of another type":             {set, "c", "ES256", nil, true},
		"an unknown id":                     {set, "z", "ES256", []int{3}, false},
		"an unknown id of another type":     {set, "z", "RS256", nil, false},
		"no id":                             {set, "", "ES256", []int{1, 2, 3}, false},
		"the file of an id":                 {files, "two", "HS256", []int{1}, true},
		"no file of an id":                  {files, "z", "HS256", []int{0, 1}, false},
		"no id, and a long key":             {files, "", "HS512", []int{1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			found, named := c.set.Find(c.id, c.algorithm)
			var got []int
			for _, k := range found {
				got = append(got, slices.Index(c.set.keys, k))
			}
			if !slices.Equal(got, c.want) || named != c.named {
				t.Errorf("found %v, named %v; want %v and %v", got, named, c.want, c.named)
			}
		})
	}
}

func TestHMACFiles(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	set := ParseHMACFiles(map[string][]byte{
		"short": key[:31], "plain": key, "line": append(slices.Clone(key), '\n'), "dos": append(slices.Clone(key), "\r\n"...), "empty": nil,
		"short-line": append(slices.Clone(key[:31]), '\n'), "random": append(bytes.Repeat([]byte{0xfe}, 31), '\n'),
	})
	var got []string
	for _, k := range set.keys {
		got = append(got, fmt.Sprintf("%s %d", k.id, len(k.material.([]byte))))
	}
	if want := []string{"dos 32", "dos 34", "line 32", "line 33", "plain 32", "random 32"}; !slices.Equal(got, want) || len(set.Skipped) != 3 {
		t.Errorf("keys %q, skipped %q; want %q and three", got, set.Skipped, want)
	}
}

// Whoever can read a certificate would have a key otherwise.
func TestWhatOthersKnowIsNoHMACKey(t *testing.T) {
	block := func(name string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: make([]byte, 64)}))
	}
	public := block("PUBLIC KEY")
	key := strings.Repeat("k", 32)
	for name, c := range map[string]struct{ content, why string }{
		"ca.crt":                     {block("CERTIFICATE"), "a PEM block"},
		"a public key":               {public, "a PEM block"},
		"a public key with DOS ends": {strings.ReplaceAll(public, "\n", "\r\n"), "a PEM block"},
		"a comment before a key":     {"subject=CN = id\n" + public, "a PEM block"},
		"half a certificate":         {"-----BEGIN CERTIFICATE-----\n" + key, "a PEM block"},
		"a private key":              {block("PRIVATE KEY"), "a PEM block"},
		"the issuer":                 {"https://id.example.com/realms/a-long-name\n", "a URL"},
		"the issuer in the cluster":  {" HTTP://id.example.com/realms/a-long-name", "a URL"},
		"a JWK set":                  {" " + string(jwttest.SetOf(t, testEC)), "a JSON object"},
		"DER":                        {string(der(t)), "a key or certificate in DER"},
		"the base64 of DER":          {base64.StdEncoding.EncodeToString(der(t)) + "\n", "a key or certificate in DER, in base64"},
		"a JWK":                      {string(jsonText(t, testHMAC)) + "\n", "a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			set := ParseHMACFiles(map[string][]byte{"file": []byte(c.content), "key": []byte(key)})
			if set.Len() != 1 || len(set.Skipped) != 1 || !strings.HasPrefix(set.Skipped[0], "file is no HMAC key: it has "+c.why) {
				t.Errorf("%d keys, skipped %q; want one, and %q", set.Len(), set.Skipped, c.why)
			}
			for _, k := range set.keys {
				if k.id != "key" {
					t.Errorf("%s is a key", k.id)
				}
			}
		})
	}
	for _, content := range []string{"{" + key, "key at https://id.example.com/" + key, "-----" + key + "-----"} {
		if set := ParseHMACFiles(map[string][]byte{"key": []byte(content)}); set.Len() != 1 {
			t.Errorf("%q is no key: %q", content, set.Skipped)
		}
	}
}

// der is a public key.
func der(t *testing.T) []byte {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSetFiles(t *testing.T) {
	set := ParseSetFiles(map[string][]byte{
		"a.json": jwttest.SetOf(t, testEC), "b.json": jwttest.SetOf(t, testHMAC, testEd), "c.pem": []byte("-----BEGIN PUBLIC KEY-----"),
	})
	if set.Len() != 3 || len(set.Skipped) != 1 || !strings.HasPrefix(set.Skipped[0], "c.pem: ") {
		t.Errorf("%+v", set)
	}
}

func parse(t *testing.T, document any, public bool) *Set {
	t.Helper()
	data := jsonText(t, document)
	set, err := ParseSet(data, public)
	if err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	for _, why := range set.Skipped {
		for _, secret := range []any{testHMAC["k"], testEd["x"], testRSA["n"]} {
			if strings.Contains(why, secret.(string)) {
				t.Errorf("a key is in %q", why)
			}
		}
	}
	return set
}

func FuzzParseSet(f *testing.F) {
	f.Add(jwttest.SetOf(f, testRSA, testEC, testEd, testHMAC))
	for _, v := range vectors {
		f.Add([]byte(`{"keys":[` + v.jwk + `]}`))
	}
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""},null,{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, public := range []bool{true, false} {
			set, err := ParseSet(data, public)
			if err != nil {
				continue
			}
			for _, k := range set.keys {
				if len(k.algorithms) == 0 {
					t.Fatal("a key is for nothing")
				}
				for _, algorithm := range k.algorithms {
					if k.Verify(algorithm, "signed", make([]byte, 64)) {
						t.Fatalf("zeros are a signature of %s", algorithm)
					}
				}
			}
		}
	})
}
