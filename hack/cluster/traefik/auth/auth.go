// SPDX-License-Identifier: Apache-2.0

// Package auth stands for the library with which Traefik asks for passwords: a fork that not every
// module proxy has. It lets nobody in, and no test has a password for Traefik.
package auth

import "net/http"

// SecretProvider returns the secret of a user.
type SecretProvider func(user, realm string) string

// BasicAuth refuses every user.
type BasicAuth struct {
	Realm   string
	Secrets SecretProvider
}

// RequireAuth refuses a request.
func (*BasicAuth) RequireAuth(w http.ResponseWriter, _ *http.Request) { refuse(w) }

// CheckSecret accepts no password.
func CheckSecret(_, _ string) bool { return false }

// DigestAuth refuses every user.
type DigestAuth struct{}

// NewDigestAuthenticator returns what refuses every user.
func NewDigestAuthenticator(string, SecretProvider) *DigestAuth { return &DigestAuth{} }

// DigestAuthParams finds no parameters.
func DigestAuthParams(string) map[string]string { return nil }

// CheckAuth knows no user.
func (*DigestAuth) CheckAuth(*http.Request) (user string, info *string) { return "", nil }

// RequireAuth refuses a request.
func (*DigestAuth) RequireAuth(w http.ResponseWriter, _ *http.Request) { refuse(w) }

// RequireAuthStale refuses a request.
func (*DigestAuth) RequireAuthStale(w http.ResponseWriter, _ *http.Request) { refuse(w) }

func refuse(w http.ResponseWriter) { http.Error(w, "", http.StatusUnauthorized) }
