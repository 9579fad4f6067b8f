// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Key verifies signatures of some algorithms. It is not changed after it is made.
type Key struct {
	// id is what tokens name the key by ("kid"); empty if it has no name.
	id string
	// anyID is true for a key that may have verified tokens that name another id, as HMAC keys of a
	// Secret, whose ids are those of its files.
	anyID bool
	// algorithms are those that the key may verify.
	algorithms []string
	// material is []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
	material any
}

// newKey returns a key that may verify some algorithms.
func newKey(id string, anyID bool, algorithms []string, material any) *Key {
	return &Key{id: id, anyID: anyID, algorithms: algorithms, material: material}
}

// The names of algorithms (RFC 7518, section 3.1; RFC 8037; RFC 9864).
var (
	rsaAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	// edAlgorithms are two names of one algorithm.
	edAlgorithms = []string{"EdDSA", "Ed25519"}
	// ecAlgorithms are by the size of the curve, in bits.
	ecAlgorithms = map[int][]string{256: {"ES256"}, 384: {"ES384"}, 521: {"ES512"}}
	// hmacAlgorithms are by the shortest key, in bytes, in ascending order.
	hmacAlgorithms = []struct {
		bytes int
		name  string
	}{{32, "HS256"}, {48, "HS384"}, {64, "HS512"}}
)

// methods verify signatures, by name.
var methods = map[string]jwt.SigningMethod{
	"HS256": jwt.SigningMethodHS256, "HS384": jwt.SigningMethodHS384, "HS512": jwt.SigningMethodHS512,
	"RS256": jwt.SigningMethodRS256, "RS384": jwt.SigningMethodRS384, "RS512": jwt.SigningMethodRS512,
	"PS256": jwt.SigningMethodPS256, "PS384": jwt.SigningMethodPS384, "PS512": jwt.SigningMethodPS512,
	"ES256": jwt.SigningMethodES256, "ES384": jwt.SigningMethodES384, "ES512": jwt.SigningMethodES512,
	"EdDSA": jwt.SigningMethodEdDSA, "Ed25519": jwt.SigningMethodEdDSA,
}

// Supported reports whether there are keys that verify signatures of an algorithm, by its name.
func Supported(algorithm string) bool { return methods[algorithm] != nil }

// Verify reports whether a signature of an algorithm is this key's. It is not for an algorithm that
// the key may not verify.
func (k *Key) Verify(algorithm, signed string, signature []byte) bool {
	if !k.may(algorithm) {
		return false
	}
	return methods[algorithm].Verify(signed, signature, k.material) == nil
}

func (k *Key) may(algorithm string) bool { return slices.Contains(k.algorithms, algorithm) }

// algorithmsOf are those that a key may verify; none if the key is too small or too large.
func algorithmsOf(material any) []string {
	switch key := material.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits >= minRSABits && bits <= maxRSABits {
			return rsaAlgorithms
		}
	case *ecdsa.PublicKey:
		return ecAlgorithms[key.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return edAlgorithms
	case []byte:
		var names []string
		for _, a := range hmacAlgorithms {
			if len(key) >= a.bytes {
				names = append(names, a.name)
			}
		}
		return names
	}
	return nil
}

const (
	minRSABits = 2048
	// maxRSABits bounds what a signature costs to verify.
	maxRSABits = 8192
	// minHMACBytes is the shortest HMAC key.
	minHMACBytes = 32
)
