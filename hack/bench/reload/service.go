// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// manifestText is a service whose every part has the number of its revision in it, for which
// REVISION stands. An event is handled by two handlers: what each sends, says and stores has the
// revision, and the rule of the room that the first emits to is of that revision, too. In between,
// the client is asked something, so that the service may be reloaded meanwhile. The floor is for
// clients of a level that rises with each revision.
const manifestText = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: reload, namespace: default}
spec:
  protocol: {handshakes: {perSecond: 0}}
  authentication:
  - name: users
    jwt: {issuer: https://issuer.example, audiences: [reload], hmac: {secretRef: {name: keys}}}
    message: refused by REVISION
  limits: {perSocket: {events: {rate: 100000}}}
  namespaces:
  - name: /
    authentication: [users]
    rooms:
    - {name: floor, allow: {join: "socket.claims.level >= REVISION"}}
    - {name: "gate-{revision}", allow: {emit: "room.params.revision == 'REVISION'"}}
    handlers:
    - {event: enter, do: [{join: "'floor'"}, {ack: "['in']"}]}
    - {event: tick, do: [{emit: {rooms: ["'floor'"], event: tick}}, {ack: "['sent']"}]}
    - event: say
      do:
      - set: {revision: "'REVISION'"}
      - emit: {to: socket, event: first, args: "[args[0], REVISION]"}
      - emit: {to: socket, event: sure, ack: {timeout: 60s}}
      - emit: {rooms: ["'gate-REVISION'"], event: nobody}
      - ack: "[args[0], REVISION, socket.data.revision]"
    - {event: say, do: [{emit: {to: socket, event: second, args: "[args[0], REVISION]"}}]}
`

// serviceAt is the service of a revision.
func serviceAt(ctx context.Context, revision int) (*v1alpha1.RealtimeService, error) {
	svc, err := manifest.Load(ctx, []byte(strings.ReplaceAll(manifestText, "REVISION", fmt.Sprint(revision))))
	if err != nil {
		return nil, fmt.Errorf("load revision %d of the service: %w", revision, err)
	}
	svc.Generation = int64(revision + 1)
	return svc, nil
}

// issuer signs tokens by a key of each revision. The gateway knows the keys of a revision and of
// the one before.
type issuer struct {
	// dir has the Secrets, as a gateway's pod does.
	dir  string
	keys [][]byte
}

const keyBytes = 32

func newIssuer(dir string) (*issuer, error) {
	i := &issuer{dir: dir}
	if err := os.MkdirAll(i.secret(), 0o700); err != nil {
		return nil, fmt.Errorf("make a Secret: %w", err)
	}
	return i, i.rotate()
}

func (i *issuer) secret() string { return filepath.Join(i.dir, "keys") }

func (i *issuer) file(revision int) string {
	return filepath.Join(i.secret(), fmt.Sprintf("key-%d", revision))
}

// rotate adds the key of the next revision, and removes that of the last but one.
func (i *issuer) rotate() error {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	revision := len(i.keys)
	i.keys = append(i.keys, key)
	if err := os.WriteFile(i.file(revision), key, 0o600); err != nil {
		return fmt.Errorf("add a key: %w", err)
	}
	if revision < kept {
		return nil
	}
	if err := os.Remove(i.file(revision - kept)); err != nil {
		return fmt.Errorf("remove a key: %w", err)
	}
	return nil
}

// kept is how many keys are in force at once.
const kept = 2

// token is one for an hour, by the key of a revision.
func (i *issuer) token(user string, level, revision int) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "https://issuer.example", "aud": "reload", "sub": user, "level": level, "exp": time.Now().Add(time.Hour).Unix(),
	})
	token.Header["kid"] = filepath.Base(i.file(revision))
	text, err := token.SignedString(i.keys[revision])
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text, nil
}
