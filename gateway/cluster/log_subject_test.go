// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"
)

func TestLogsNameNoSessionID(t *testing.T) {
	s := newSubjects("default/chat", "/chat")
	proof := strings.Repeat("p", SessionMACLength)
	sessionID := "gateway1" + strings.Repeat("a", 16) + proof
	for _, room := range []string{sessionID, "/chat#" + sessionID} {
		subject := s.room(room)
		if logged := loggedSubject(subject); !strings.Contains(subject, proof) || strings.Contains(logged, proof) {
			t.Errorf("%s is logged as %s", subject, logged)
		}
	}
	for _, room := range []string{"lobby", sessionID[:socketIDLength], ""} {
		if subject := s.room(room); loggedSubject(subject) != subject {
			t.Errorf("%s is logged as %s", subject, loggedSubject(subject))
		}
	}
}
