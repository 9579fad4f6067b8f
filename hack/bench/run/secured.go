// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Files of the suites whose clients show tokens.
const (
	securedManifest = "dist/bench-secured.yaml"
	// secretsFolder has the Secret keysSecret, as `realtime dev` takes it.
	secretsFolder = "dist/bench-secrets"
	keysSecret    = "issuer-keys"
	publicKeyFile = "dist/bench-issuer.pem"
	// tokensFile has a token on each line, for clients in turn.
	tokensFile = "dist/bench-tokens"
)

const (
	issuerName = "https://issuer.example"
	audience   = "bench"
	keyBits    = 2048
	tokens     = 500
	// claimsBytes is about how large the claims of a token are.
	claimsBytes = 500
	// neverReached is how many events per second a client may send, as in the peer in Node.
	neverReached = 100_000
)

// renderSecured writes what servers and clients need to know of an issuer, whose key signs by RS256
// and is new each time.
func renderSecured(svc *v1alpha1.RealtimeService, root string) error {
	manifest, err := yaml.Marshal(withSecurity(svc))
	if err != nil {
		return fmt.Errorf("write the manifest with authentication: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("make the key of an issuer: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("write the key of an issuer: %w", err)
	}
	signed, err := signTokens(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, secretsFolder, keysSecret), 0o755); err != nil {
		return fmt.Errorf("write the Secret of an issuer: %w", err)
	}
	for name, data := range map[string][]byte{
		securedManifest: manifest,
		publicKeyFile:   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		tokensFile:      signed,
		filepath.Join(secretsFolder, keysSecret, "jwks.json"): keySet(&key.PublicKey),
	} {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
			return fmt.Errorf("write what the suites with tokens need: %w", err)
		}
	}
	return nil
}

// withSecurity adds what the peer in Node does, too: a token is verified, events are counted,
// members of a room have the claim for it, and emit to it as writers.
func withSecurity(svc *v1alpha1.RealtimeService) *v1alpha1.RealtimeService {
	svc = svc.DeepCopy()
	svc.Spec.Authentication = []v1alpha1.Authentication{{
		Name: "users",
		JWT: &v1alpha1.JWTAuthentication{
			Issuer: issuerName, Audiences: []string{audience},
			JWKS: &v1alpha1.JWKSSource{SecretRef: &v1alpha1.SecretReference{Name: keysSecret}},
		},
	}}
	svc.Spec.Limits.PerSocket = &v1alpha1.SocketLimits{Events: &v1alpha1.EventRate{Rate: neverReached}}
	ns := &svc.Spec.Namespaces[0]
	ns.Authentication = []string{"users"}
	ns.Rooms = append(ns.Rooms, v1alpha1.RoomRule{Name: "room*", Allow: &v1alpha1.RoomAccess{
		Join: "'rooms' in socket.claims.scopes",
		Emit: "socket.claims.role == 'writer'",
	}})
	return svc
}

func keySet(key *rsa.PublicKey) []byte {
	encode := base64.RawURLEncoding.EncodeToString
	set, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "bench",
		"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}})
	if err != nil {
		panic(err) // strings can be encoded
	}
	return set
}

// signTokens returns tokens of different users, a line each, that are valid for a day.
func signTokens(key *rsa.PrivateKey) ([]byte, error) {
	var b bytes.Buffer
	now := time.Now()
	for i := range tokens {
		claims := jwt.MapClaims{
			"iss": issuerName, "aud": audience, "sub": fmt.Sprintf("user-%04d", i), "exp": now.Add(24 * time.Hour).Unix(), "iat": now.Unix(),
			"role": "writer", "scopes": []string{"rooms", "profile"},
		}
		data, err := json.Marshal(claims)
		if err != nil {
			return nil, fmt.Errorf("encode claims: %w", err)
		}
		claims["about"] = strings.Repeat("x", max(claimsBytes-len(data)-len(`,"about":""`), 0))
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
		token.Header["kid"] = "bench"
		text, err := token.SignedString(key)
		if err != nil {
			return nil, fmt.Errorf("sign a token: %w", err)
		}
		b.WriteString(text + "\n")
	}
	return b.Bytes(), nil
}
