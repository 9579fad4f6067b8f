// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/scenario/lab"
)

// What can come of an action, besides the code of a refusal.
const (
	outcomeAllowed = "allowed"
	// outcomeRefused is a refusal without a code.
	outcomeRefused = "refused"
	// outcomeFailed is an acknowledgement {error: "…"}: a handler has failed, or there is none.
	outcomeFailed = "failed"
	// outcomeSilent is for an acknowledgement that does not come.
	outcomeSilent = "unanswered"
)

func (c *checker) matrix(m *Matrix, path string) {
	for _, name := range sortedNames(m.Actions) {
		a, at := m.Actions[name], path+".actions."+name
		if a == nil {
			c.fail(m.Pos, at, "want a mapping; {} only connects")
			continue
		}
		c.values(a.Pos, at+".args", a.Args, false)
		for i, before := range a.After {
			c.values(a.Pos, fmt.Sprintf("%s.after[%d].args", at, i), before.Args, false)
		}
		if a.Emit == "" && len(a.Args)+len(a.After) > 0 {
			c.fail(a.Pos, at, "it has no emit, so that args and after mean nothing")
		}
	}
	for _, client := range sortedNames(m.Expect) {
		at := path + ".expect." + client
		c.known(m.Pos, at, client)
		for _, action := range sortedNames(m.Expect[client]) {
			if m.Actions[action] == nil {
				c.fail(m.Expect[client][action].Pos, at+"."+action, "there is no such action")
			}
		}
		for _, action := range sortedNames(m.Actions) {
			if _, there := m.Expect[client][action]; !there {
				c.fail(m.Pos, at+"."+action, "it is missing: every cell of the table must say what is expected")
			}
		}
	}
}

// run tries every cell, each with a connection of its own, and returns those that fail.
func (m *Matrix) run(w *world) []FailedStep {
	var failed []FailedStep
	for _, client := range sortedNames(m.Expect) {
		for _, action := range sortedNames(m.Actions) {
			want := m.Expect[client][action]
			got, err := w.try(w.file.Clients[client], m.Actions[action])
			if err == nil && got != want.Code {
				err = &mismatch{fmt.Sprintf("%s: %s", client, action), want.Code, got}
			}
			if err != nil {
				failed = append(failed, newFailedStep(want.Pos, client+": "+action, err))
			}
		}
	}
	return failed
}

// try has a client do something, and returns what comes of it.
func (w *world) try(client *Client, a *Action) (outcome string, err error) {
	v, err := w.visit(client)
	if err != nil {
		return "", err
	}
	c, err := w.lab.Connect(v)
	refused, err := outcomeOf(err)
	switch {
	case err != nil:
		return "", err
	case refused != nil && refused.Code == "":
		return outcomeRefused, nil
	case refused != nil:
		return refused.Code, nil
	}
	defer lab.Settle()
	defer c.Close()
	if a.Emit == "" {
		return outcomeAllowed, nil
	}
	for _, before := range a.After {
		if _, err := w.answer(c, before.Emit, before.Args); err != nil {
			return "", err
		}
	}
	return w.answer(c, a.Emit, a.Args)
}

// answer emits an event and returns what its acknowledgement says.
func (w *world) answer(c *lab.Client, event string, args []any) (outcome string, err error) {
	number, err := c.Emit(event, sent(args), true)
	if err != nil {
		return "", err
	}
	answer, ok := c.Ack(number, patience)
	if !ok {
		return outcomeSilent, nil
	}
	switch refused := answerError(answer); {
	case refused == nil:
		return outcomeAllowed, nil
	case refused.Code == "":
		return outcomeRefused, nil
	default:
		return refused.Code, nil
	}
}
