// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"slices"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

const signedText = "header.claims"

// signer makes signatures, and such that nobody would make.
type signer struct {
	*rsa.PrivateKey
	verifier *rsaKey
}

func newSigner(t *testing.T, bits int) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, newRSA(&key.PublicKey)}
}

func (s signer) sign(t *testing.T, algorithm string) []byte {
	t.Helper()
	signature, err := methods[algorithm].Sign(signedText, s.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// raw signs a message that has its padding.
func (s signer) raw(message []byte) []byte {
	m := new(big.Int).SetBytes(message)
	return m.Exp(m, s.D, s.N).FillBytes(make([]byte, s.Size()))
}

// opened is a message with its padding.
func (s signer) opened(signature []byte) []byte {
	m := new(big.Int).SetBytes(signature)
	return m.Exp(m, big.NewInt(int64(s.E)), s.N).FillBytes(make([]byte, s.Size()))
}

// forgeries are signatures that must not be accepted.
func (s signer) forgeries(t *testing.T, algorithm string) map[string][]byte {
	good := s.sign(t, algorithm)
	message := s.opened(good)
	changed := func(change func(m []byte) []byte) []byte { return s.raw(change(bytes.Clone(message))) }
	info := bytes.IndexByte(message[2:], 0) + 3 // where DigestInfo begins
	forged := map[string][]byte{
		"nothing": nil, "shorter": good[1:], "with a zero before": append([]byte{0}, good...), "with a zero behind": append(bytes.Clone(good), 0),
		"zero": make([]byte, s.Size()), "one": append(make([]byte, s.Size()-1), 1), "the message itself": message,
		"the modulus":       s.N.Bytes(),
		"another type":      changed(func(m []byte) []byte { m[1] = 2; return m }),
		"a first byte":      changed(func(m []byte) []byte { m[0] = 1; return m }),
		"no type":           s.raw(append([]byte{0, 0}, message[2:]...)),
		"another padding":   changed(func(m []byte) []byte { m[20] = 0xfe; return m }),
		"its last byte":     changed(func(m []byte) []byte { m[info-2] = 0; return m }),
		"no end of it":      changed(func(m []byte) []byte { m[info-1] = 0xff; return m }),
		"another hash":      changed(func(m []byte) []byte { m[len(m)-1] ^= 1; return m }),
		"another algorithm": changed(func(m []byte) []byte { m[info+14] ^= 4; return m }),
		// What readers of the padding accept that do not look at where the hash ends, with e = 3
		// even from people without the key (Bleichenbacher, 2006).
		"something behind the hash": changed(func(m []byte) []byte {
			return append(append([]byte{0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, m[info:]...), make([]byte, info-11)...)
		}),
		// A DigestInfo without the parameter NULL, which some accept.
		"no NULL": changed(func(m []byte) []byte {
			der := slices.Delete(bytes.Clone(m[info:]), 15, 17)
			der[1], der[3] = der[1]-2, der[3]-2
			return append(append(append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, info-1)...), 0), der...)
		}),
	}
	if sum := new(big.Int).Add(new(big.Int).SetBytes(good), s.N); (sum.BitLen()+7)/8 <= s.Size() {
		forged["with the modulus added"] = sum.FillBytes(make([]byte, s.Size()))
	}
	for _, other := range []string{"RS256", "RS384", "RS512", "PS256"} {
		if other != algorithm {
			forged["that of "+other] = s.sign(t, other)
		}
	}
	return forged
}

// A signature is judged as crypto/rsa judges it.
func TestSignaturesOfRSA(t *testing.T) {
	another := newSigner(t, 2048)
	for _, bits := range []int{2048, 2055} { // of 2055 bits, a sum of two numbers has as many bytes
		s := newSigner(t, bits)
		for _, algorithm := range []string{"RS256", "RS384", "RS512"} {
			good := s.sign(t, algorithm)
			if !s.verifier.verify(algorithm, signedText, good) {
				t.Errorf("%d bits, %s: a good signature is refused", bits, algorithm)
			}
			if s.verifier.verify(algorithm, signedText+"x", good) || another.verifier.verify(algorithm, signedText, good) {
				t.Errorf("%d bits, %s: accepted for another text, or key", bits, algorithm)
			}
			for name, forged := range s.forgeries(t, algorithm) {
				if s.verifier.verify(algorithm, signedText, forged) {
					t.Errorf("%d bits, %s: accepted: %s", bits, algorithm, name)
				}
				if methods[algorithm].Verify(signedText, forged, &s.PublicKey) == nil {
					t.Errorf("%d bits, %s: crypto/rsa accepts: %s", bits, algorithm, name)
				}
			}
		}
		for _, algorithm := range []string{"", "PS256", "ES256", "RS1"} {
			if s.verifier.verify(algorithm, signedText, s.raw(append(make([]byte, s.Size()-1), 1))) {
				t.Errorf("%d bits: accepted by %q", bits, algorithm)
			}
		}
	}
}

// All keys of RSA are prepared.
func TestKeysOfRSAArePrepared(t *testing.T) {
	s := newSigner(t, 2048)
	k := newKey("", true, rsaAlgorithms, &s.PublicKey)
	if k.rsa == nil {
		t.Fatal("a key is not prepared")
	}
	for _, algorithm := range rsaAlgorithms {
		if !k.Verify(algorithm, signedText, s.sign(t, algorithm)) {
			t.Errorf("%s: a good signature is refused", algorithm)
		}
	}
}

func FuzzSignaturesOfRSA(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	verifier := newRSA(&key.PublicKey)
	f.Add([]byte("a"), []byte{1})
	f.Fuzz(func(t *testing.T, message, signature []byte) {
		if len(message) < key.Size() { // one that is signed, whatever its padding
			m := new(big.Int).SetBytes(message)
			signature = m.Exp(m, key.D, key.N).FillBytes(make([]byte, key.Size()))
		}
		want := jwt.SigningMethodRS256.Verify(signedText, signature, &key.PublicKey) == nil
		if got := verifier.verify("RS256", signedText, signature); got != want {
			t.Errorf("%x: %v, and crypto/rsa says %v", signature, got, want)
		}
	})
}
