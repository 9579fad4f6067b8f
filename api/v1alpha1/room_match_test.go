// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"
)

func TestRulesMatchRooms(t *testing.T) {
	for _, tt := range []struct {
		rule    string
		yes, no []string
	}{
		{"lobby", []string{"lobby"}, []string{"", "lobby2", "Lobby", "a lobby"}},
		{"team-*", []string{"team-", "team-a", "team-a*b", "team-大厅"}, []string{"team", "Team-a", "my team-a"}},
		{"*", []string{"", "anything"}, nil},
		{"**", []string{"", "anything"}, nil},
		{"*-log", []string{"-log", "a-log", "-log-log"}, []string{"log", "a-logs"}},
		{"a*a", []string{"aa", "aba", "aaa"}, []string{"a", "ab"}},
		{"team-*-chat", []string{"team--chat", "team-a-chat", "team-a-chat-chat"}, []string{"team-chat", "team-a-chats"}},
		{"*a*b*", []string{"ab", "xaxbx", "abab"}, []string{"ba", "a", "b"}},
		{"a*bc*c", []string{"abcc", "axbcxc"}, []string{"abc", "acbc"}},
		{"a.b?[c]", []string{"a.b?[c]"}, []string{"axb?[c]", "a.bc"}},
	} {
		rule := RoomRule{Name: tt.rule}
		for _, room := range tt.yes {
			if !rule.Matches(room) {
				t.Errorf("%s does not match %q", tt.rule, room)
			}
		}
		for _, room := range tt.no {
			if rule.Matches(room) {
				t.Errorf("%s matches %q", tt.rule, room)
			}
		}
	}
}

// A room's name is the client's choice: it must not cost more than in proportion.
func BenchmarkMatchesAWorstRoom(b *testing.B) {
	rule := RoomRule{Name: strings.Repeat("*a", 128)}
	room := strings.Repeat("a", 10_000) + "b"
	for b.Loop() {
		if rule.Matches(room) {
			b.Fatal("it matches")
		}
	}
}
