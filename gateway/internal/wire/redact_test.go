// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"testing"
)

func TestLogsNameNoSessionID(t *testing.T) {
	s := NewSubjects("default/chat", "/chat")
	proof := strings.Repeat("p", SessionMACLength)
	sessionID := "gateway1" + strings.Repeat("a", 16) + proof
	for _, room := range []string{sessionID, "/chat#" + sessionID} {
		subject := s.Room(room)
		if logged := LoggedSubject(subject); !strings.Contains(subject, proof) || strings.Contains(logged, proof) {
			t.Errorf("%s is logged as %s", subject, logged)
		}
	}
	for _, room := range []string{"lobby", sessionID[:SocketIDLength], ""} {
		if subject := s.Room(room); LoggedSubject(subject) != subject {
			t.Errorf("%s is logged as %s", subject, LoggedSubject(subject))
		}
	}
}
