// SPDX-License-Identifier: Apache-2.0

package service

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// moderated is a service whose actions have conditions of their own.
const moderated = `
  - name: /
    handlers:
    - event: say
      do:
      - {set: {bad: "args[0] == 'bad'"}}
      - {when: "socket.data.bad", ack: "[{'error': 'moderated'}]", stop: true}
      - {emit: {event: said, args: args}}
      - {ack: "['said']"}
    - {event: say, do: [{emit: {event: heard, to: socket}}]}
    - event: twice
      do:
      - {when: "args[0]", emit: {event: first, to: socket}}
      - {when: "!args[0]", emit: {event: second, to: socket}}
      - {when: "args[0]", stop: true}
      - {emit: {event: third, to: socket}}
    - event: ask
      do:
      - {when: "args[0]", emit: {to: socket, event: question, ack: {timeout: 1m}}, stop: true}
      - {ack: "[answers, missing]"}
    - {event: ask, do: [{ack: "['the next handler']"}]}
    - event: reply
      do:
      - {emit: {to: socket, event: question, ack: {timeout: 1m}}}
      - {when: "answers == [['no']]", ack: "['refused']", stop: true}
      - {ack: "['accepted']"}
`

func TestActionsWithConditions(t *testing.T) {
	for name, steps := range map[string][]string{
		"it stops":                    {`> 421["say","bad"]`, `431[{"error":"moderated"}]`, `42["heard"]`},
		"it does not stop":            {`> 421["say","good"]`, `42["said","good"]`, `431["said"]`, `42["heard"]`},
		"one or the other":            {`> 421["twice",true]`, `42["first"]`, `431[]`, `> 421["twice",false]`, `42["second"]`, `42["third"]`, `431[]`},
		"it stops when it has waited": {`> 421["ask",true]`, `420["question"]`, `> 430["x"]`, `431["the next handler"]`},
		"nobody is asked":             {`> 421["ask",false]`, `431[[],false]`},
		"an answer decides":           {`> 421["reply"]`, `420["question"]`, `> 430["no"]`, `431["refused"]`},
		"an answer decides otherwise": {`> 421["reply"]`, `420["question"]`, `> 430["yes"]`, `431["accepted"]`},
		"a condition that fails":      {`> 421["twice","x"]`, `431[{"error":"the service could not handle the event"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := runtime(t, moderated)
			c := connect(t, url)
			for _, step := range steps {
				if packet, sends := strings.CutPrefix(step, "> "); sends {
					c.Send(packet)
				} else {
					c.Expect(step)
				}
			}
		})
	}
}

// A condition of an action is paid for by the event, as all other expressions are.
func TestConditionsOfActionsShareTheEventsBudget(t *testing.T) {
	r, url := runtime(t, `
  - name: /
    handlers:
    - event: e
      do:
      - {set: {a: "1"}}
      - {when: "args[0].all(x, args[0].exists(y, y == x + '!') || true)", ack: "[1]"}
`)
	c := connect(t, url)
	c.Send(`420["e",[` + commas(3000, quoted("u")) + `]]`)
	c.Expect(`430[{"error":"the service could not handle the event"}]`)
	if n := testutil.ToFloat64(r.limitHits.WithLabelValues("/", "handlers[0]", "do[1]")); n != 1 {
		t.Errorf("%v events are counted", n)
	}
}

// A gateway may be given the manifest of a later release. Nobody is told what is meant for others.
func TestReceiversOfALaterReleaseAreRefused(t *testing.T) {
	emit := v1alpha1.EmitAction{To: "friends", Event: "secret"}
	svc := &v1alpha1.RealtimeService{Spec: v1alpha1.RealtimeServiceSpec{
		Namespaces: []v1alpha1.Namespace{{Name: "/", Handlers: []v1alpha1.Handler{{Event: "e", Do: []v1alpha1.Action{{Emit: &emit}}}}}},
	}}
	if _, err := Compile(svc, nil); err == nil || !strings.Contains(err.Error(), `do[0].emit.to: Unsupported value: "friends"`) {
		t.Errorf("compiled with error %v", err)
	}
	emit.To = v1alpha1.EmitToOthers
	if _, err := Compile(svc, nil); err != nil {
		t.Error(err)
	}
}
