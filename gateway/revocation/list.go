// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// mark is what is revoked by one key.
type mark struct {
	// before is when a token must have been issued to be revoked; zero: any time.
	before time.Time
	// until is when the mark ends.
	until time.Time
	// value is as it is stored.
	value value
}

// readMark reads a value that was stored at a time.
func readMark(data []byte, stored time.Time, keep time.Duration) (mark, bool) {
	v, ok := readValue(data)
	return newMark(v, stored.Add(keep)), ok
}

func newMark(v value, until time.Time) mark {
	m := mark{until: until, value: v}
	if v.Before != 0 {
		m.before = time.UnixMilli(v.Before)
	}
	return m
}

// revokes reports whether the mark is about an identity, whose key it has. A token that does not
// say when it was issued counts as issued before any time.
func (m *mark) revokes(id *socketio.Identity, now time.Time) bool {
	return now.Before(m.until) && (m.before.IsZero() || id.Issued.Before(m.before))
}

// marks are those in force, by their keys.
type marks map[string]mark

func userKey(entry, user string) string { return "user." + wire.Token(entry) + "." + wire.Token(user) }
func idKey(entry, id string) string     { return "id." + wire.Token(entry) + "." + wire.Token(id) }
func issuedKey(entry string) string     { return "issued." + wire.Token(entry) }

// revoke reports whether a token is revoked.
func (l marks) revoke(id *socketio.Identity, now time.Time) bool {
	if len(l) == 0 {
		return false
	}
	for _, entry := range []string{id.Provider, ""} {
		keys := [3]string{userKey(entry, id.User), issuedKey(entry)}
		if id.TokenID != "" {
			keys[2] = idKey(entry, id.TokenID)
		}
		for _, key := range keys {
			if m, ok := l[key]; ok && m.revokes(id, now) {
				return true
			}
		}
	}
	return false
}
