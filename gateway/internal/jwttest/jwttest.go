// SPDX-License-Identifier: Apache-2.0

// Package jwttest makes keys and signs tokens for tests, by the cryptographic packages alone, so
// that the libraries which verify tokens are not tested with themselves.
package jwttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for the algorithms that end in 256
	_ "crypto/sha512" // for the others
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
)

// Key signs tokens.
type Key struct {
	// ID is what tokens and JWK sets call it; neither if it is empty.
	ID string
	// private is []byte, *rsa.PrivateKey, *ecdsa.PrivateKey or ed25519.PrivateKey.
	private any
}

// RSA makes a key of a size in bits.
func RSA(id string, bits int) Key {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err) // as without randomness
	}
	return Key{id, key}
}

// EC makes a key of a curve.
func EC(id string, curve elliptic.Curve) Key {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err) // as without randomness
	}
	return Key{id, key}
}

// Ed25519 makes a key.
func Ed25519(id string) Key {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // as without randomness
	}
	return Key{id, key}
}

// HMAC is a key that both sides know.
func HMAC(id string, secret []byte) Key { return Key{id, secret} }

// JWK is the public key, or that of HMAC, as in a JWK set.
func (k Key) JWK() map[string]any {
	jwk := map[string]any{}
	switch key := k.private.(type) {
	case []byte:
		jwk["kty"], jwk["k"] = "oct", encode(key)
	case *rsa.PrivateKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PrivateKey:
		point, err := key.PublicKey.Bytes()
		if err != nil {
			panic(err)
		}
		size := len(point) / 2
		jwk["kty"], jwk["crv"] = "EC", key.Curve.Params().Name
		jwk["x"], jwk["y"] = encode(point[1:1+size]), encode(point[1+size:])
	case ed25519.PrivateKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(key.Public().(ed25519.PublicKey))
	}
	if k.ID != "" {
		jwk["kid"] = k.ID
	}
	return jwk
}

// Set is a JWK set of keys.
func Set(t testing.TB, keys ...Key) []byte {
	t.Helper()
	list := make([]map[string]any, len(keys))
	for i, k := range keys {
		list[i] = k.JWK()
	}
	return SetOf(t, list...)
}

// SetOf is a JWK set of keys as they are in it.
func SetOf(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Sign makes a token of an algorithm, whose header names the key.
func (k Key) Sign(t testing.TB, algorithm string, claims map[string]any) string {
	t.Helper()
	header := map[string]any{"alg": algorithm, "typ": "JWT"}
	if k.ID != "" {
		header["kid"] = k.ID
	}
	return k.SignText(t, algorithm, text(t, header), text(t, claims))
}

// SignText makes a token of a header and claims as they are, whatever the header says of the
// algorithm.
func (k Key) SignText(t testing.TB, algorithm, header, claims string) string {
	t.Helper()
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	return signed + "." + encode(k.signature(t, algorithm, signed))
}

func text(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// hashes are by the end of an algorithm's name.
var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

func (k Key) signature(t testing.TB, algorithm, signed string) []byte {
	t.Helper()
	if key, ok := k.private.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, []byte(signed))
	}
	hash := hashes[algorithm[2:]]
	if key, ok := k.private.([]byte); ok {
		h := hmac.New(hash.New, key)
		h.Write([]byte(signed))
		return h.Sum(nil)
	}
	h := hash.New()
	h.Write([]byte(signed))
	var signature []byte
	var err error
	switch key := k.private.(type) {
	case *rsa.PrivateKey:
		if algorithm[0] == 'P' {
			signature, err = rsa.SignPSS(rand.Reader, key, hash, h.Sum(nil), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(nil, key, hash, h.Sum(nil))
		}
	case *ecdsa.PrivateKey:
		var r, s *big.Int
		r, s, err = ecdsa.Sign(rand.Reader, key, h.Sum(nil))
		if err == nil {
			size := (key.Curve.Params().BitSize + 7) / 8
			signature = make([]byte, 2*size)
			r.FillBytes(signature[:size])
			s.FillBytes(signature[size:])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
