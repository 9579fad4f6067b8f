// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"crypto/tls"
	"errors"
	"testing"
)

// secretOf is a secret of one byte, many times.
func secretOf(b byte) []byte { return bytes.Repeat([]byte{b}, SecretBytes) }

func shared(t *testing.T, secrets ...[]byte) *Identity {
	t.Helper()
	i, err := SharedIdentity(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// meet connects one server to another, and returns what the two say of it.
func meet(t *testing.T, from, to *Identity) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", to.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = conn.Write([]byte{1})
			conn.Close()
		}
		accepted <- err
	}()
	dialer := tls.Dialer{Config: from.clientConfig()}
	conn, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
	if err == nil {
		_, err = conn.Read(make([]byte, 1)) // the server's refusal comes after the handshake
		conn.Close()
	}
	return errors.Join(err, <-accepted)
}

func TestServersOfOneSecretKnowEachOther(t *testing.T) {
	a, b := shared(t, secretOf(1)), shared(t, secretOf(1))
	if err := meet(t, a, b); err != nil {
		t.Errorf("they do not connect: %v", err)
	}
	id := a.SealSessionID("gateway1abcdefghijklmnop")
	if owner, ok := b.owner(id); !ok || owner != "gateway1" {
		t.Errorf("owner %q, %v", owner, ok)
	}
}

func TestServersOfAnotherSecretAreStrangers(t *testing.T) {
	a, b := shared(t, secretOf(1)), shared(t, secretOf(2))
	if meet(t, a, b) == nil || meet(t, b, a) == nil {
		t.Error("they connect")
	}
	if _, ok := b.owner(a.SealSessionID("gateway1abcdefghijklmnop")); ok {
		t.Error("a session of the other is taken for one of ours")
	}
}

func TestSecretIsReplacedInThreeSteps(t *testing.T) {
	steps := []*Identity{
		shared(t, secretOf(1)), shared(t, secretOf(1), secretOf(2)), shared(t, secretOf(2), secretOf(1)), shared(t, secretOf(2)),
	}
	for n := 1; n < len(steps); n++ {
		for _, pair := range [][2]*Identity{{steps[n-1], steps[n]}, {steps[n], steps[n-1]}} {
			if err := meet(t, pair[0], pair[1]); err != nil {
				t.Errorf("step %d: %v", n, err)
			}
			if _, ok := pair[1].owner(pair[0].SealSessionID("gateway1abcdefghijklmnop")); !ok {
				t.Errorf("step %d: a session is not known", n)
			}
		}
	}
}

func TestWeakSecretsAreRefused(t *testing.T) {
	if _, err := SharedIdentity(); !errors.Is(err, errNoSecret) {
		t.Errorf("no secret: %v", err)
	}
	if _, err := SharedIdentity(secretOf(1), []byte("password")); !errors.Is(err, errShortSecret) {
		t.Errorf("a short secret: %v", err)
	}
}
