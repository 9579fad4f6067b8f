// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/manifest"
)

// speaking has a rule about each thing that it may read. The rooms are open to everybody.
const speaking = `
  authentication: [{name: people, tokens: {secretRef: {name: people}}}]
  namespaces:
  - name: /
    authentication: [people]
    rooms:
    - {name: "data-{word}", allow: {emit: "socket.data.word == room.params.word"}}
    - {name: "claims-{level}", allow: {emit: "string(socket.claims.level) == room.params.level"}}
    - {name: rooms, allow: {emit: "'key' in socket.rooms"}}
    handlers:
    - {event: iam, do: [{set: {word: "args[0]"}}, {ack: "[]"}]}
    - {event: enter, do: [{join: "args[0]"}, {ack: "['in']"}]}
    - {event: exit, do: [{leave: "args[0]"}, {ack: "['out']"}]}
    - {event: say, do: [{emit: {rooms: ["args[0]"], event: said}}, {ack: "['sent']"}]}
`

var speakers = map[string]string{"one": `{"user":"anna","tokens":["token-of-the-first"],"claims":{"level":1}}`}

func mayNotSpeak(rule string) string {
	return `[{"error":{"code":"forbidden","rule":"rooms[` + rule + `].allow.emit"}}]`
}

// What a socket might do a moment ago, it may not do for that.
func TestARuleOfEmitIsNeverOutOfDate(t *testing.T) {
	users := maps.Clone(speakers)
	users["two"] = `{"user":"anna","tokens":["token-of-the-second"],"claims":{"level":2}}`
	r, url := runtimeOf(t, members(t, speaking, users))
	c, _ := enter(t, url, "token-of-the-first")
	sent := `["sent"]`
	type step struct{ event, want string }
	take := func(steps ...step) {
		t.Helper()
		for _, s := range steps {
			ask(t, c, s.event, s.want)
		}
	}
	iam := func(word string) step { return step{`["iam","` + word + `"]`, `[]`} }
	say := func(room, want string) step { return step{`["say","` + room + `"]`, want} }

	t.Run("the data", func(t *testing.T) {
		take(iam("a"), say("data-a", sent), say("data-a", sent), iam("b"), say("data-a", mayNotSpeak("0")), say("data-a", mayNotSpeak("0")),
			iam("a"), say("data-a", sent))
	})
	t.Run("the room", func(t *testing.T) {
		take(say("data-a", sent), say("data-b", mayNotSpeak("0")), say("data-a", sent), say("claims-1", sent), say("claims-2", mayNotSpeak("1")))
	})
	t.Run("the rooms that it is in", func(t *testing.T) {
		take(step{`["enter","key"]`, `["in"]`}, say("rooms", sent), say("rooms", sent), step{`["exit","key"]`, `["out"]`}, say("rooms", mayNotSpeak("2")))
	})
	t.Run("the claims", func(t *testing.T) {
		take(say("claims-1", sent), step{`["renew_token",{"token":"token-of-the-second"}]`, `[{"ok":true}]`}, say("claims-1", mayNotSpeak("1")), say("claims-2", sent))
	})
	t.Run("the manifest", func(t *testing.T) {
		take(iam("a"), say("data-a", sent))
		r.Apply(members(t, strings.Replace(speaking, "socket.data.word == room.params.word", "false", 1), users))
		take(say("data-a", mayNotSpeak("0")))
		r.Apply(members(t, speaking, users))
		take(say("data-a", sent))
	})
}

// counting counts the evaluations of a program.
type counting struct {
	cel.Program
	evaluations int
}

func (c *counting) Eval(vars any) (ref.Val, *cel.EvalDetails, error) {
	c.evaluations++
	return c.Program.Eval(vars)
}

func (c *counting) ContextEval(ctx context.Context, vars any) (ref.Val, *cel.EvalDetails, error) {
	c.evaluations++
	return c.Program.ContextEval(ctx, vars)
}

// What lasts is found out once, and what does not, or is refused, each time.
func TestHowOftenARuleOfEmitIsEvaluated(t *testing.T) {
	p := members(t, speaking, speakers)
	rules := &p.namespaces["/"].rooms
	counts := map[string]*counting{}
	for room, place := range map[string]string{"data-a": "rooms[0]", "claims-1": "rooms[1]", "rooms": "rooms[2]"} {
		program := &rules.at(place).access.conditions[accessEmit]
		counts[room] = &counting{Program: *program}
		*program = counts[room]
	}
	_, url := runtimeOf(t, p)
	c, _ := enter(t, url, "token-of-the-first")
	ask(t, c, `["iam","a"]`, `[]`)
	ask(t, c, `["enter","key"]`, `["in"]`)
	for room, want := range map[string]int{"data-a": 1, "claims-1": 1, "rooms": 5} {
		for range 5 {
			ask(t, c, `["say","`+room+`"]`, `["sent"]`)
		}
		if n := counts[room].evaluations; n != want {
			t.Errorf("the rule of %s is evaluated %d times, want %d", room, n, want)
		}
	}
	counts["data-a"].evaluations = 0
	ask(t, c, `["iam","b"]`, `[]`)
	for range 3 {
		ask(t, c, `["say","data-a"]`, mayNotSpeak("0"))
	}
	if n := counts["data-a"].evaluations; n != 3 {
		t.Errorf("a rule that refuses is evaluated %d times, want 3", n)
	}
}

// An event that does too much does so whatever is remembered: three evaluations are too many, and
// two are not.
func TestWorkThatIsRememberedIsChargedAgain(t *testing.T) {
	const say = `{emit: {rooms: ["'data-a'"], event: said}}`
	heavy := strings.NewReplacer(
		"socket.data.word == room.params.word", "lists.range(18000).all(x, x >= 0) && has(socket.data.word)",
		"handlers:\n", "handlers:\n    - {event: twice, do: ["+say+", "+say+"]}\n    - {event: thrice, do: ["+say+", "+say+", "+say+"]}\n",
	).Replace(speaking)
	_, url := runtimeOf(t, members(t, heavy, speakers))
	c, _ := enter(t, url, "token-of-the-first")
	ask(t, c, `["iam","a"]`, `[]`)
	for range 2 {
		ask(t, c, `["twice"]`, `[]`)
		ask(t, c, `["thrice"]`, mayNotSpeak("0"))
	}
}

// Who observes a program is told of each event.
func TestARuleOfEmitIsObservedEachTime(t *testing.T) {
	const open = "  namespaces: [{name: /, rooms: [{name: a, allow: {emit: 'true'}}], handlers: [{event: say, do: [{emit: {rooms: [\"'a'\"], event: said}}, {ack: '[]'}]}]}]\n"
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: s}\nspec:\n"+open))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(svc, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &observations{seen: map[string]int{}}
	p.Observe(svc, o.observe)
	_, url := runtimeOf(t, p)
	c := connect(t, url)
	for range 3 {
		ask(t, c, `["say"]`, `[]`)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := o.seen["spec.namespaces[0].rooms[0].allow.emit true"]; n != 3 {
		t.Errorf("observed %d times, want 3", n)
	}
}
