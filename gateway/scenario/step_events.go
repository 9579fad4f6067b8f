// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/scenario/lab"
)

// Emit has a client emit an event. It asks for an acknowledgement if one is expected.
type Emit struct {
	From     string         `yaml:"from,required" doc:"Who emits."`
	Event    string         `yaml:"event,required" doc:"The event."`
	Args     []any          `yaml:"args" doc:"Its arguments."`
	Times    int            `yaml:"times" doc:"How often, one right after the other; 1 by default. What is expected is of the last."`
	Ack      []any          `yaml:"ack" doc:"The arguments of the acknowledgement."`
	AckMatch []any          `yaml:"ackMatch" doc:"The same, with objects that may have more members."`
	Error    *Failure       `yaml:"error" doc:"The error in the acknowledgement."`
	Within   *time.Duration `yaml:"within" doc:"How long the acknowledgement may take; 1s by default."`
}

func (s *Emit) check(c *checker, at Pos, path string, _ int) {
	c.known(at, path+".from", s.From)
	c.values(at, path+".args", s.Args, false)
	c.values(at, path+".ack", s.Ack, true)
	c.values(at, path+".ackMatch", s.AckMatch, true)
	c.oneOf(at, path, "ack, ackMatch and error", s.Ack != nil, s.AckMatch != nil, s.Error != nil)
	if s.Times < 0 {
		c.fail(at, path+".times", "want 1 or more")
	}
}

// oneOf checks that at most one of several is there.
func (c *checker) oneOf(at Pos, path, names string, there ...bool) {
	n := 0
	for _, is := range there {
		if is {
			n++
		}
	}
	if n > 1 {
		c.fail(at, path, "at most one of %s may be there", names)
	}
}

func (s *Emit) wantsAck() bool { return s.Ack != nil || s.AckMatch != nil || s.Error != nil }

func (s *Emit) run(w *world) error {
	c, err := w.connected(s.From)
	if err != nil {
		return err
	}
	if !s.wantsAck() {
		if err := w.handled(w.file.Clients[s.From].namespace(), s.Event); err != nil {
			return err
		}
	}
	number := -1
	for range max(s.Times, 1) {
		if why := c.Left(); why != "" {
			return failf("%s is not connected: %s", s.From, why)
		}
		if number, err = c.Emit(s.Event, sent(s.Args), s.wantsAck()); err != nil {
			return err
		}
	}
	lab.Settle()
	if !s.wantsAck() {
		return nil
	}
	args, ok := c.Ack(number, within(s.Within))
	if !ok {
		return failf("%s receives no acknowledgement of %s within %s", s.From, s.Event, within(s.Within))
	}
	return s.judge(args)
}

func (s *Emit) judge(args []any) error {
	what := fmt.Sprintf("the acknowledgement of %s", s.Event)
	switch {
	case s.Error != nil:
		got := answerError(args)
		if got == nil {
			return &mismatch{what + " has no error", s.Error.String(), pretty(args)}
		}
		return s.Error.compare(s.Event, got)
	case s.Ack != nil && !matches(list(s.Ack), list(args), false):
		return &mismatch{what + " differs", pretty(s.Ack), pretty(args)}
	case s.AckMatch != nil && !matches(list(s.AckMatch), list(args), true):
		return &mismatch{what + " does not match", pretty(s.AckMatch), pretty(args)}
	}
	return nil
}

// list has nil be an empty list.
func list(values []any) []any {
	if values == nil {
		return []any{}
	}
	return values
}

// Expect expects an event at clients. Of the events with its name that a client has received, it is
// about the first that no earlier step was about.
type Expect struct {
	At     Names          `yaml:"at,required" doc:"Who receives it, each of them."`
	Event  string         `yaml:"event,required" doc:"The event."`
	Args   []any          `yaml:"args" doc:"Its arguments; any if this and match are absent."`
	Match  []any          `yaml:"match" doc:"The same, with objects that may have more members."`
	Within *time.Duration `yaml:"within" doc:"How long it may take; 1s by default."`
	Answer []any          `yaml:"answer" doc:"What the clients acknowledge it with."`
}

func (s *Expect) check(c *checker, at Pos, path string, _ int) {
	c.known(at, path+".at", s.At...)
	c.values(at, path+".args", s.Args, true)
	c.values(at, path+".match", s.Match, true)
	c.values(at, path+".answer", s.Answer, false)
	c.oneOf(at, path, "args and match", s.Args != nil, s.Match != nil)
}

func (s *Expect) run(w *world) error {
	for _, name := range s.At {
		c, err := w.connected(name)
		if err != nil {
			return err
		}
		c.Await(within(s.Within), func() bool { return c.Has(s.Event) })
		e, ok := c.Take(s.Event)
		if !ok {
			return &mismatch{
				fmt.Sprintf("%s receives no %s within %s", name, s.Event, within(s.Within)),
				describe(s.Event, s.wanted()), received(c),
			}
		}
		if !s.met(e) {
			return &mismatch{fmt.Sprintf("%s receives another %s", name, s.Event), describe(s.Event, s.wanted()), describe(e.Name, e.Args)}
		}
		if s.Answer != nil {
			if err := c.Answer(e, sent(s.Answer)); err != nil {
				return err
			}
		}
	}
	lab.Settle()
	return nil
}

func (s *Expect) wanted() []any {
	if s.Args != nil {
		return s.Args
	}
	return s.Match
}

func (s *Expect) met(e lab.Event) bool {
	switch {
	case s.Args != nil:
		return matches(s.Args, list(e.Args), false)
	case s.Match != nil:
		return matches(s.Match, list(e.Args), true)
	}
	return true
}

// describe prints an event. Without arguments in mind, it is the name alone.
func describe(event string, args []any) string {
	if args == nil {
		return event
	}
	return event + " " + pretty(args)
}

// received prints what a client has received that no step was about.
func received(c *lab.Client) string {
	var lines []string
	if why := c.Left(); why != "" {
		lines = append(lines, "(not connected: "+why+")")
	}
	for _, e := range c.Waiting() {
		lines = append(lines, describe(e.Name, list(e.Args)))
	}
	if len(lines) == 0 {
		return "(nothing else)"
	}
	return strings.Join(lines, "\n")
}

// ExpectNone expects that clients do not receive an event, apart from those that earlier steps were
// about.
type ExpectNone struct {
	At     Names          `yaml:"at,required" doc:"Who does not receive it."`
	Event  string         `yaml:"event" doc:"The event; any if it is absent."`
	Within *time.Duration `yaml:"within" doc:"How long it does not come; 1s by default, by which the clock goes on."`
}

func (s *ExpectNone) check(c *checker, at Pos, path string, _ int) { c.known(at, path+".at", s.At...) }

func (s *ExpectNone) run(w *world) error {
	lab.Advance(within(s.Within))
	for _, name := range s.At {
		c, err := w.connected(name)
		if err != nil {
			return err
		}
		if e, ok := c.Take(s.Event); ok {
			return &mismatch{fmt.Sprintf("%s receives %s", name, e.Name), "(no such event)", describe(e.Name, list(e.Args))}
		}
	}
	return nil
}
