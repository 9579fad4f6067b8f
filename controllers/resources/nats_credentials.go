// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"encoding/hex"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The keys of a credentials Secret, as gateways read them.
const (
	keyUsername = "username"
	keyPassword = "password"
)

// Credentials are the gateways' credentials for the operator's own NATS.
type Credentials struct {
	Username, Password string
}

// passwordBytes is enough that nobody guesses the password.
const passwordBytes = 32

// NewCredentials makes random credentials. The letters in front keep NATS from reading the password
// as a number.
func NewCredentials(random io.Reader) (Credentials, error) {
	secret := make([]byte, passwordBytes)
	if _, err := io.ReadFull(random, secret); err != nil {
		return Credentials{}, fmt.Errorf("make a password for NATS: %w", err)
	}
	return Credentials{Username: "gateway", Password: "pw" + hex.EncodeToString(secret)}, nil
}

// CredentialsOf is the inverse of NATSCredentials. It returns false if something is missing.
func CredentialsOf(secret *corev1.Secret) (Credentials, bool) {
	c := Credentials{Username: string(secret.Data[keyUsername]), Password: string(secret.Data[keyPassword])}
	return c, c.Username != "" && c.Password != ""
}

// NATSCredentials has the credentials. Only the service's gateways, and its NATS, mount it.
func NATSCredentials(svc *v1alpha1.RealtimeService, credentials Credentials) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: owned(svc, NATSCredentialsName(svc.Name), componentNATS),
		Type:       corev1.SecretTypeOpaque,
		Data: map[string][]byte{
			keyUsername: []byte(credentials.Username),
			keyPassword: []byte(credentials.Password),
		},
	}
}
