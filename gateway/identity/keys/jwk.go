// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
)

// jwk is a JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037): those of its members that are
// looked at.
type jwk struct {
	Type       string   `json:"kty"`
	Use        *string  `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	ID         string   `json:"kid"`
	Curve      string   `json:"crv"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	N          string   `json:"n"`
	E          string   `json:"e"`
	K          string   `json:"k"`
	D          *string  `json:"d"`
}

// parseJWK reads a key. One that is public is in a set that anybody can fetch. Errors have no part
// of the key but its type in them.
func parseJWK(data []byte, public bool) (*Key, error) {
	var j jwk
	if jsontext.Value(data).Kind() != '{' || jsonv2.Unmarshal(data, &j) != nil {
		return nil, errors.New("is not a JSON object with members of the right types, each once")
	}
	if j.Use != nil && *j.Use != "sig" {
		return nil, errors.New(`has a "use" other than "sig"`)
	}
	if j.Operations != nil && !slices.Contains(j.Operations, "verify") {
		return nil, errors.New(`has "key_ops" without "verify"`)
	}
	if public && (j.D != nil || j.Type == "oct") {
		return nil, errors.New("is secret, but anybody can fetch it")
	}
	material, err := j.material()
	if err != nil {
		return nil, err
	}
	algorithms := algorithmsOf(material)
	if len(algorithms) == 0 {
		return nil, fmt.Errorf("is of type %s and too small, or too large", j.Type)
	}
	if j.Algorithm != "" {
		if !slices.Contains(algorithms, j.Algorithm) {
			return nil, fmt.Errorf(`has an "alg" that is none of its type's, which are %s`, strings.Join(algorithms, ", "))
		}
		if !slices.Contains(edAlgorithms, j.Algorithm) {
			algorithms = []string{j.Algorithm}
		}
	}
	return newKey(j.ID, j.ID == "", algorithms, material), nil
}

// material is the key as the cryptographic packages have it.
func (j *jwk) material() (any, error) {
	switch j.Type {
	case "RSA":
		return j.rsa()
	case "EC":
		return j.ec()
	case "OKP":
		x, err := decode(j.X)
		if j.Curve != "Ed25519" || err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("is of type OKP and no key of the curve Ed25519")
		}
		return ed25519.PublicKey(x), nil
	case "oct":
		k, err := decode(j.K)
		if err != nil {
			return nil, errors.New("is of type oct and not base64url")
		}
		if known := identity.Public(k); known != "" {
			return nil, fmt.Errorf("is of type oct and has %s, which others may know", known)
		}
		return k, nil
	}
	return nil, errors.New("is of an unknown type")
}

func (j *jwk) rsa() (*rsa.PublicKey, error) {
	n, err := decode(j.N)
	e, err2 := decode(j.E)
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	// Even or small exponents are no RSA; larger ones take long, and crypto/rsa refuses them.
	if err != nil || err2 != nil || modulus.Bit(0) == 0 || exponent.Bit(0) == 0 ||
		exponent.Cmp(big.NewInt(3)) < 0 || exponent.Cmp(big.NewInt(math.MaxInt32)) > 0 {
		return nil, errors.New("is of type RSA and has no valid modulus and exponent")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

// curves are those of EC keys, by name.
var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

func (j *jwk) ec() (*ecdsa.PublicKey, error) {
	curve, known := curves[j.Curve]
	if !known {
		return nil, errors.New("is of type EC and an unknown curve")
	}
	size := (curve.Params().BitSize + 7) / 8
	x, err := decode(j.X)
	y, err2 := decode(j.Y)
	// Coordinates have the curve's size (RFC 7518, section 6.2.1.2).
	if err != nil || err2 != nil || len(x) != size || len(y) != size {
		return nil, errors.New("is of type EC and has coordinates of a wrong size")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, errors.New("is of type EC and no point of its curve")
	}
	return key, nil
}

// decode reads base64url. Padding, which some issuers have in their sets, is ignored.
func decode(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}
