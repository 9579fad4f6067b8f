// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// asked are questions about testdata/team.yaml. The answers are in why.golden.
var asked = []struct {
	name string
	q    Question
	no   bool // the answer is no
}{
	{"connect", Question{What: "connect", Client: claiming(`{"sub": "ada"}`)}, false},
	{"connect, banned", Question{What: "connect", Client: claiming(`{"sub": "ada", "banned": true}`)}, true},
	{"connect, without the user's claim", Question{What: "connect", Client: claiming(`{}`)}, true},
	{"connect, as nobody", Question{What: "connect", Client: Client{Namespace: "/team"}}, true},
	{"connect, as nobody where that is allowed", Question{What: "connect"}, false},
	{"connect, banned by the address", Question{What: "connect", Client: Client{Address: "203.0.113.66"}}, true},
	{"join", Question{What: "join", Of: "team-7", Client: claiming(`{"sub": "ada", "teams": ["7", "9"]}`)}, false},
	{"join another", Question{What: "join", Of: "team-8", Client: claiming(`{"sub": "ada", "teams": ["7", "9"]}`)}, true},
	{"join without the claim", Question{What: "join", Of: "team-8", Client: claiming(`{"sub": "ada"}`)}, true},
	{"join what no rule is about", Question{What: "join", Of: "kitchen", Client: claiming(`{"sub": "ada"}`)}, false},
	{"emit", Question{What: "emit", Of: "team-7", Client: claiming(`{"sub": "ada", "role": "reader"}`)}, true},
	{"history", Question{What: "history", Of: "lobby", Client: claiming(`{"sub": "ada"}`)}, false},
	{"event", Question{What: "event", Of: "say", Args: []any{"team-7"}, Rooms: []string{"team-7"}, Client: claiming(`{"sub": "ada", "teams": ["7"], "role": "writer"}`)}, false},
	{"event, without the room", Question{What: "event", Of: "say", Args: []any{"team-7"}, Client: claiming(`{"sub": "ada"}`)}, false},
	{"event, whose handler is not allowed something", Question{What: "event", Of: "enter", Args: []any{"team-7"}, Client: claiming(`{"sub": "ada", "teams": []}`)}, true},
	{"event, whose handler fails", Question{What: "event", Of: "broken"}, true},
	{"event, in a room that may not be joined", Question{What: "event", Of: "say", Rooms: []string{"team-7"}, Client: claiming(`{"sub": "ada", "teams": []}`)}, true},
}

func claiming(claims string) Client {
	c := Client{Namespace: "/team", Claims: map[string]any{"iat": 1, "exp": json.Number("99999999999")}}
	if err := json.Unmarshal([]byte(claims), &c.Claims); err != nil {
		panic(err)
	}
	return c
}

func TestDecisionsAreExplained(t *testing.T) {
	var all strings.Builder
	for _, test := range asked {
		var out bytes.Buffer
		test.q.Manifest, test.q.Out = "testdata/team.yaml", &out
		err := Why(t.Context(), test.q)
		if no := errors.As(err, &FailedError{}); no != test.no || err != nil && !no {
			t.Errorf("%s: error %v", test.name, err)
		}
		fmt.Fprintf(&all, "# %s\n%s\n", test.name, out.String())
	}
	expectGolden(t, "why.golden", withoutChance(all.String()))
}

// TestARuleThatIsTriedDoesNotForbid has a rule in audit mode, and one that looks at data.
func TestARuleThatIsTriedDoesNotForbid(t *testing.T) {
	for data, want := range map[string]string{
		`{"team": "red"}`:  "join team-red: allowed by spec.namespaces[0].rooms[0].allow.join",
		`{"team": "blue"}`: "join team-red: allowed, as the rule is in audit mode; enforced, spec.namespaces[0].rooms[0].allow.join would forbid it",
	} {
		q := Question{Manifest: "testdata/audit.yaml", What: "join", Of: "team-red"}
		if err := json.Unmarshal([]byte(data), &q.Data); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		q.Out = &out
		if err := Why(t.Context(), q); err != nil || !strings.HasPrefix(out.String(), want+"\n") {
			t.Errorf("with %s: error %v\n%s", data, err, out.String())
		}
	}
}

func TestQuestionsThatMakeNoSense(t *testing.T) {
	for want, q := range map[string]Question{
		"want connect, event or one of join, leave, emit, history, presence": {What: "paint", Of: "it"},
		"join: of what room or event\\?":                                     {What: "join"},
		"the namespace / asks nobody who it is":                              {What: "connect", Manifest: "testdata/asked.yaml", Client: Client{Claims: map[string]any{}}},
		"there is no namespace /none":                                        {What: "connect", Client: Client{Namespace: "/none", Claims: map[string]any{}}},
		`spec.authentication has no entry "nobody"`:                          {What: "connect", Client: Client{As: "nobody", Claims: map[string]any{}}},
	} {
		q.Manifest, q.Out = cmp.Or(q.Manifest, "testdata/team.yaml"), &bytes.Buffer{}
		var invalid *InvalidError
		if err := Why(t.Context(), q); !errors.As(err, &invalid) || !regexp.MustCompile(want).MatchString(err.Error()) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
