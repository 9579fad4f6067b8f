// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"crypto/sha256"
	"encoding/hex"
)

// LogID names the session in logs. Unlike ID, it gives nobody the session: it is a part of the id's
// SHA-256, and the id itself is random.
func (s *Session) LogID() string {
	sum := sha256.Sum256([]byte(s.id))
	return hex.EncodeToString(sum[:8])
}
