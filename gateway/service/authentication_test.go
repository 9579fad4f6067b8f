// SPDX-License-Identifier: Apache-2.0

package service

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/static"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// members compiles a service whose clients have tokens, each with the name of its user.
func members(t *testing.T, spec string, users map[string]string) *Program {
	t.Helper()
	files := map[string][]byte{}
	for user, content := range users {
		files[user] = []byte(content)
	}
	tokens := static.New()
	if err := tokens.Set(files); err != nil {
		t.Fatal(err)
	}
	return verified(t, spec, tokens)
}

// verified compiles a service that has one verifier for all tokens.
func verified(t *testing.T, spec string, v identity.Verifier) *Program {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: t}\nspec:\n"+spec))
	if err != nil {
		t.Fatal(err)
	}
	all := Authenticators{}
	for i := range svc.Spec.Authentication {
		locations, err := Locations(&svc.Spec.Authentication[i])
		if err != nil {
			t.Fatal(err)
		}
		all[svc.Spec.Authentication[i].Name] = identity.ByToken(locations, v)
	}
	p, err := Compile(svc, all)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const club = `
  authentication:
  - name: members
    tokens: {secretRef: {name: members}, from: [auth.token, header.x-token]}
    allow: "claims.level > 1.0 && socket.namespace == '/' && request.headers['user-agent'].startsWith('Go')"
    user: "claims.level > 5.0 ? 'vip' : claims.name"
  namespaces:
  - name: /
    authentication: [members]
    rooms:
    - {name: all, presence: true, presenceInfo: "{'who': socket.user, 'level': socket.claims.level}", allow: {join: "socket.claims.level > 2.0", presence: "socket.user == 'vip'"}}
    handlers:
    - {event: connection, do: [{emit: {to: socket, event: hello, args: "[socket.user]"}}]}
    - {event: enter, do: [{join: "'all'"}, {ack: "['in']"}]}
    - {event: claims, do: [{ack: "[socket.claims]"}]}
    - {event: who, do: [{presence: {room: "'all'"}}]}
`

var clubMembers = map[string]string{
	"one":  `{"tokens":["token-of-the-first"],"claims":{"level":1,"name":"ada"}}`,
	"two":  `{"tokens":["token-of-the-second"],"claims":{"level":2.50,"name":"bob"}}`,
	"six":  `{"tokens":["token-of-the-sixth"],"claims":{"level":6,"name":"eve"}}`,
	"none": `{"tokens":["token-of-nobody-at-all"]}`,
}

// enter connects with a token, and returns the answer.
func enter(t *testing.T, url, token string) (*wiretest.Client, string) {
	t.Helper()
	c := wiretest.Dial(t, url, path, "", map[string][]string{"User-Agent": {"Go test"}})
	c.Send(`40{"token":"` + token + `"}`)
	return c, c.Receive()
}

func TestExpressionsSeeWhoAClientIs(t *testing.T) {
	_, url := runtimeOf(t, members(t, club, clubMembers))
	bob, answer := enter(t, url, "token-of-the-second")
	if !strings.HasPrefix(answer, "40{") {
		t.Fatalf("answered %s", answer)
	}
	bob.Expect(`42["hello","bob"]`)
	ask(t, bob, `["claims"]`, `[{"level":2.50,"name":"bob"}]`)
	ask(t, bob, `["enter"]`, `["in"]`)
	ask(t, bob, `["who"]`, `[{"error":{"code":"forbidden","rule":"rooms[0].allow.presence"}}]`)
	eve, _ := enter(t, url, "token-of-the-sixth")
	eve.Expect(`42["hello","vip"]`)
	if got := askFor(t, eve, `["who"]`); !strings.Contains(got, `{"level":2.50,"who":"bob"}`) {
		t.Errorf("the members are %s", got)
	}
	if _, answer := enter(t, url, "token-of-the-first"); answer != `44{"message":"Unauthorized","data":{"code":"forbidden"}}` {
		t.Errorf("what allow does not allow is answered %s", answer)
	}
}

func TestWhatCannotBeJudgedIsRefusedAndLoggedWithoutIt(t *testing.T) {
	var said wiretest.Lines
	spec := strings.Replace(club, `"claims.level > 1.0`, `"claims[claims.name] == 1 || claims.level > 1.0`, 1)
	r, url := runtimeOf(t, members(t, spec, clubMembers))
	r.log = said.Logger()
	for _, token := range []string{"token-of-the-first", "token-of-nobody-at-all"} {
		if _, answer := enter(t, url, token); answer != `44{"message":"Unauthorized","data":{"code":"forbidden"}}` {
			t.Errorf("answered %s", answer)
		}
	}
	text := said.All()
	if !strings.Contains(text, "entry=members expression=allow") || strings.Contains(text, "ada") || strings.Contains(text, "token-of") {
		t.Errorf("the log is %s", text)
	}
}

// A claim may be personal, and CEL's errors quote the names of fields that are missing.
func TestWhatExpressionsFailAtIsLoggedWithoutClaims(t *testing.T) {
	const quotes = "{'a': 1}[socket.claims.name] == 1"
	var said wiretest.Lines
	r, url := runtimeOf(t, members(t, `
  authentication: [{name: members, tokens: {secretRef: {name: members}}}]
  namespaces:
  - name: /
    authentication: [members]
    rooms:
    - {name: all, presence: true, presenceInfo: "`+quotes+`"}
    - {name: "own-{name}", autoJoinRooms: "{'a': 'own-a'}[socket.claims.name]"}
    - {name: enforced, allow: {join: "`+quotes+`"}}
    - {name: audited, allow: {mode: Audit, join: "`+quotes+`"}}
    handlers:
    - {event: connection, do: [{join: "'all'"}]}
    - {event: enforced, do: [{join: "'enforced'"}]}
    - {event: audited, do: [{join: "'audited'"}]}
    - {event: when, when: "`+quotes+`", do: [{ack: "[]"}]}
    - {event: what, do: [{when: "`+quotes+`", ack: "[]"}]}
    - {event: args, do: [{emit: {to: socket, event: heard, args: "['x', `+quotes+`]"}}]}
    - {event: set, do: [{set: {x: "`+quotes+`"}}]}
    - {event: plain, do: [{set: {x: "socket.claims.name", z: "{'a': 1}[args[0]]"}}]}
`, map[string]string{"ann": `{"tokens":["token-of-the-first"],"claims":{"name":"plantedclaim"}}`}))
	r.log = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, _ := enter(t, url, "token-of-the-first")
	for _, event := range []string{"enforced", "audited", "when", "what", "args", "set"} {
		askFor(t, c, `["`+event+`"]`)
	}
	askFor(t, c, `["plain","plantedargument"]`)
	wiretest.Await(t, "presenceInfo is evaluated", func() bool {
		return strings.Contains(said.All(), "what others see of a member is left out")
	})
	text := said.All()
	for _, want := range []string{
		"a rule fails", "does not join the rooms of autoJoin", "plantedargument",
		"handlers[3]", "handlers[4]", "handlers[5]", "handlers[6]", "mode=Audit", "mode=Enforce",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is said of %q", want)
		}
	}
	if strings.Contains(text, "plantedclaim") {
		t.Errorf("the log is %s", text)
	}
}

// A namespace asks who a client is from the reload on that says so, and until one that does not.
func TestAReloadTurnsAuthenticationOnAndOff(t *testing.T) {
	const free = `
  namespaces:
  - name: /
    handlers: [{event: who, do: [{ack: "[socket.user]"}]}]
  dynamicNamespaces:
  - pattern: /x/.*
`
	asks := strings.NewReplacer("  namespaces:", "  authentication: [{name: members, tokens: {secretRef: {name: m}}}]\n  namespaces:",
		"- name: /", "- name: /\n    authentication: [members]", "- pattern: /x/.*", "- pattern: /x/.*\n    authentication: [members]").Replace(free)
	r, url := runtimeOf(t, members(t, free, nil))
	before := connect(t, url)
	before.Join("/x/1") // so that it is there
	for range 2 {
		r.Apply(members(t, asks, clubMembers))
		for _, namespace := range []string{"", "/x/1,", "/x/2,"} {
			c := wiretest.Dial(t, url, path, "", nil)
			c.Send("40" + namespace)
			c.Expect("44" + namespace + `{"message":"Unauthorized","data":{"code":"token_missing"}}`)
			c.Send("40" + namespace + `{"token":"token-of-the-second"}`)
			if got := c.Receive(); !strings.HasPrefix(got, "40"+namespace+"{") {
				t.Errorf("%s: with a token, answered %s", namespace, got)
			}
		}
		ask(t, before, `["who"]`, `[""]`) // who is there stays
		r.Apply(members(t, free, nil))
		connect(t, url)
		connectTo(t, url, "/x/1")
		connectTo(t, url, "/x/2")
	}
}
