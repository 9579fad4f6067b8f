// SPDX-License-Identifier: Apache-2.0

package roompattern

import (
	"maps"
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
		{"team-{team}", []string{"team-a", "team-a-b", "team-大"}, []string{"team-", "team", "my team-a"}},
		{"{a}-{b}", []string{"a-b", "a-b-c", "--a"}, []string{"a-", "-b", "ab", "--"}},
		{"*-{id}.log", []string{"-1.log", "a-b-1.log"}, []string{"a-.log", "1.log", "a-1.logs"}},
		{"a.b?[c]", []string{"a.b?[c]"}, []string{"axb?[c]", "a.bc"}},
	} {
		rule, err := Parse(tt.rule)
		if err != nil {
			t.Fatal(err)
		}
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

func TestNamedPartsOfRooms(t *testing.T) {
	for _, tt := range []struct {
		rule, room string
		want       map[string]string
	}{
		{"team-{team}", "team-a-b", map[string]string{"team": "a-b"}},
		{"{a}-{b}", "x-y-z", map[string]string{"a": "x", "b": "y-z"}},
		{"{a}-{b}", "--z", map[string]string{"a": "-", "b": "z"}},
		{"*/{id}.log", "a/b/c.log.log", map[string]string{"id": "b/c.log"}},
		{"doc-{id}-*", "doc-7-8-9", map[string]string{"id": "7"}},
		{"doc-{id}", "team-7", nil},
		{"doc-*", "doc-7", nil},
		{"doc", "doc", nil},
	} {
		p, err := Parse(tt.rule)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Params(tt.room); !maps.Equal(got, tt.want) {
			t.Errorf("%s has %v of %q, want %v", tt.rule, got, tt.room, tt.want)
		}
	}
}

func TestRoomPatternsThatAreRefused(t *testing.T) {
	for name, reason := range map[string]string{
		"team-{team":      "has a '{' without a '}'",
		"team-}":          "has a '}' without a '{'",
		"{a}}":            "has a '}' without a '{'",
		"team-{}":         "has a part {}, whose name must be an identifier",
		"team-{a b}":      "has a part {a b}, whose name must be an identifier",
		"{a}-{a}":         "has two parts {a}",
		"{a}{b}":          `has nothing between a part and the wildcard before it, at "{b}"`,
		"*{a}":            `has nothing between a part and the wildcard before it, at "{a}"`,
		"{a}*":            `has nothing between a part and the wildcard before it, at "*"`,
		"orders-{order-}": "has a part {order-}, whose name must be an identifier",
	} {
		if _, err := Parse(name); err == nil || err.Error() != reason {
			t.Errorf("%s: %v, want %s", name, err, reason)
		}
	}
}

// A room's name is the client's choice: it must not cost more than in proportion.
func BenchmarkMatchesAWorstRoom(b *testing.B) {
	rule, err := Parse(strings.Repeat("*a", 128))
	if err != nil {
		b.Fatal(err)
	}
	room := strings.Repeat("a", 10_000) + "b"
	for b.Loop() {
		if rule.Matches(room) {
			b.Fatal("it matches")
		}
	}
}

func TestAPatternCoversAnother(t *testing.T) {
	for _, test := range []struct {
		first, later string
		want         bool
	}{
		{"*", "team-*", true}, {"*", "*", true}, {"*", "", true}, {"a", "a", true}, {"a", "b", false}, {"a", "*", false},
		{"team-*", "team-{t}", true}, {"team-{t}", "team-*", false}, {"team-{t}", "team-{other}", true}, {"team-{t}", "team-red", true},
		{"team-*", "*", false}, {"*-*", "{a}-{b}", true}, {"{a}-{b}", "*-*", false}, {"{a}-{b}", "x*-*y", true}, {"*b*", "a*b*c", true},
		{"a*c", "a*b*c", true}, {"a*b*c", "a*c", false}, {"{a}/{b}", "shop/*", false}, {"{a}/*", "shop/*", true}, {"team-*", "team", false},
		{"*", "a*b*c*d*e*f*g*h*i*j", false}, // too many to be told
	} {
		first, err := Parse(test.first)
		if err != nil {
			t.Fatal(err)
		}
		later, err := Parse(test.later)
		if err != nil {
			t.Fatal(err)
		}
		if got := first.Covers(later); got != test.want {
			t.Errorf("%q covers %q: %t", test.first, test.later, got)
		}
	}
}
