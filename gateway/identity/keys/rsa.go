// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"

	"filippo.io/bigmod"
)

// rsaKey verifies signatures of RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2). crypto/rsa prepares
// the modulus for each signature, which takes a third of its time; this does so once.
type rsaKey struct {
	modulus  *bigmod.Modulus
	exponent uint
}

// newRSA returns nil for a key with which nothing can be verified.
func newRSA(key *rsa.PublicKey) *rsaKey {
	modulus, err := bigmod.NewModulus(key.N.Bytes())
	if err != nil {
		return nil
	}
	return &rsaKey{modulus, uint(key.E)}
}

// What precedes a hash in a signature: the DER of a DigestInfo without it (RFC 8017, section 9.2).
var (
	prefixSHA256 = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	prefixSHA384 = []byte{0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30}
	prefixSHA512 = []byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}
)

// verify reports whether a signature of RS256, RS384 or RS512 is this key's. It makes what must
// have been signed and compares all of it, so that there is nothing to parse.
func (k *rsaKey) verify(algorithm, signed string, signature []byte) bool {
	size := k.modulus.Size()
	if len(signature) != size {
		return false
	}
	s, err := bigmod.NewNat().SetBytes(signature, k.modulus)
	if err != nil { // not less than the modulus
		return false
	}
	got := bigmod.NewNat().ExpShortVarTime(s, k.exponent, k.modulus).Bytes(k.modulus)
	want := make([]byte, 0, 128) // is on the stack
	switch algorithm {
	case "RS256":
		hash := sha256.Sum256([]byte(signed))
		want = append(append(want, prefixSHA256...), hash[:]...)
	case "RS384":
		hash := sha512.Sum384([]byte(signed))
		want = append(append(want, prefixSHA384...), hash[:]...)
	case "RS512":
		hash := sha512.Sum512([]byte(signed))
		want = append(append(want, prefixSHA512...), hash[:]...)
	default:
		return false
	}
	padding, end := got[:size-len(want)], got[size-len(want):]
	return isPadding(padding) && bytes.Equal(end, want)
}

// isPadding reports whether bytes are 00 01 FF … FF 00. All keys are large enough for eight FF.
func isPadding(b []byte) bool {
	last := len(b) - 1
	if b[0] != 0 || b[1] != 1 || b[last] != 0 {
		return false
	}
	for _, c := range b[2:last] {
		if c != 0xff {
			return false
		}
	}
	return true
}
