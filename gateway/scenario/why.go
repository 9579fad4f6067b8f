// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/scenario/lab"
	runtime "github.com/realtime-operator/realtime-operator/gateway/service"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/observation"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Question is what `realtime why` is asked.
type Question struct {
	// Manifest is a file with a RealtimeService.
	Manifest string
	// Client is who asks.
	Client Client
	// Secrets are those of File.
	Secrets map[string]map[string]string
	// Rooms are what the client joins before, by the rules.
	Rooms []string
	// Data is socket.data, a JSON object; nil for none.
	Data map[string]any
	// What is "connect", one of service.Accesses, or "event".
	What string
	// Of is the room, or the event; empty for "connect". Args are those of the event.
	Of   string
	Args []any
	// Out receives the answer.
	Out io.Writer
}

// WhatConnect and WhatEvent are questions that are about no room.
const (
	WhatConnect = "connect"
	WhatEvent   = "event"
)

// Why explains a decision of a service: it runs the service, lets a client do what the question is
// about, and prints the conditions that gateways have evaluated for it, with the values of their
// parts. It returns a FailedError if the decision is no, and an *InvalidError if nobody can be
// asked.
//
//nolint:contextcheck // a context from outside would be a channel from outside of the bubble
func Why(ctx context.Context, q Question) error {
	s, err := loadService(ctx, q.Manifest)
	if err != nil {
		return err
	}
	if err := q.check(s); err != nil {
		return &InvalidError{[]string{err.Error()}}
	}
	dir, err := os.MkdirTemp("", "realtime-why-")
	if err != nil {
		return fmt.Errorf("make a folder for what NATS stores: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // otherwise the system cleans up
	now := time.Now()
	lab.Bubble(now, func() { err = q.ask(s, dir) })
	if err != nil && !errors.As(err, &FailedError{}) {
		return &InvalidError{[]string{err.Error()}} // nobody has decided anything
	}
	return err
}

func (q *Question) check(s service) error {
	if q.What != WhatConnect && q.What != WhatEvent && !slices.Contains(runtime.Accesses(), q.What) {
		return fmt.Errorf("want %s, %s or one of %s", WhatConnect, WhatEvent, strings.Join(runtime.Accesses(), ", "))
	}
	if q.Of == "" && q.What != WhatConnect {
		return fmt.Errorf("%s: of what room or event?", q.What)
	}
	if q.Client.Claims == nil && q.Client.Token == "" {
		return nil
	}
	_, err := s.entry(q.Client.As, q.Client.namespace())
	return err
}

func (q *Question) say(format string, args ...any) {
	_, _ = fmt.Fprintf(q.Out, format+"\n", args...) // if the output is gone, nobody can be told
}

// ask runs the service and asks it.
func (q *Question) ask(s service, dir string) error {
	issuer := lab.NewIssuer(q.Secrets)
	w := &witness{}
	running, err := lab.Start(lab.Options{
		Service: s.spec, Gateways: 1, Issuer: issuer, StoreDir: dir, Compiled: w.compiled, Log: newLog(&w.log),
	})
	if err != nil {
		return err
	}
	defer running.Close()
	v, err := visitOf(s, issuer, &q.Client)
	if err != nil {
		return err
	}
	client, err := running.Connect(v)
	refused, err := outcomeOf(err)
	if err != nil {
		return err
	}
	if refused != nil {
		q.say("connect to %s: refused", v.Namespace)
		q.say("  %s", strings.ReplaceAll(refused.String(), "\n", "\n  "))
		if q.Client.Token != "" && len(q.Secrets) == 0 {
			q.say("  no Secret is known here, so that tokens of Secrets, and those signed by their keys, are invalid: name the folder with --secrets")
		}
		q.explain(w.take())
		return FailedError{}
	}
	of, err := running.Runtime(0)
	if err != nil {
		return err
	}
	socket := of.Socket(v.Namespace, client.ID())
	if socket == nil {
		return errors.New("the service disconnects the client as soon as it has connected")
	}
	if q.What == WhatConnect {
		q.say("connect to %s: allowed%s", v.Namespace, userOf(socket))
		q.explain(w.take())
		return nil
	}
	return q.decide(of, socket, client, w)
}

func userOf(s *socketio.Socket) string {
	if id := s.Identity(); id != nil {
		return fmt.Sprintf(", as the user %q of %s", id.User, id.Provider)
	}
	return ", as nobody: the client has shown no token"
}

// decide asks about a room or an event.
func (q *Question) decide(of *runtime.Runtime, s *socketio.Socket, client *lab.Client, w *witness) error {
	if q.Data != nil {
		if err := setData(s, q.Data); err != nil {
			return &InvalidError{[]string{"the data: " + err.Error()}}
		}
	}
	w.take() // what connecting took
	for _, room := range q.Rooms {
		if err := s.Join(room); err != nil {
			seen := w.take()
			q.say("join %s: %s", room, verdict(err, seen))
			q.explain(seen)
			return FailedError{}
		}
	}
	w.take()
	if q.What == WhatEvent {
		return q.event(client, w)
	}
	err := of.Judge(s, q.What, q.Of)
	seen := w.take()
	q.say("%s %s: %s", q.What, q.Of, verdict(err, seen))
	q.explain(seen)
	if err != nil {
		return FailedError{}
	}
	return nil
}

// verdict says what is decided, and by which rule. The last condition that was evaluated decides.
func verdict(err error, seen []seenExpression) string {
	if len(seen) == 0 {
		if err != nil {
			return err.Error() // a limit
		}
		return "allowed, as no rule is about it"
	}
	last := seen[len(seen)-1]
	met := last.err == nil && last.result == types.True
	switch {
	case err == nil && met:
		return "allowed by " + last.path
	case err == nil:
		return fmt.Sprintf("allowed, as the rule is in audit mode; enforced, %s would forbid it", last.path)
	case met:
		return err.Error() // the rule allows it, and a limit does not
	}
	return "forbidden by " + last.path
}

// event has the client emit an event, and prints the conditions of its handlers and what it is
// answered.
func (q *Question) event(client *lab.Client, w *witness) error {
	number, err := client.Emit(q.Of, sent(q.Args), true)
	if err != nil {
		return err
	}
	answer, ok := client.Ack(number, patience)
	refused := answerError(answer)
	switch {
	case !ok:
		q.say("event %s: not acknowledged within %s", q.Of, patience)
	case refused != nil:
		q.say("event %s: refused\n  %s", q.Of, strings.ReplaceAll(refused.String(), "\n", "\n  "))
	default:
		q.say("event %s: acknowledged with %s", q.Of, pretty(answer))
	}
	q.explain(w.take())
	for _, line := range w.log.lines() {
		q.say("  the gateway logs: %s", line)
	}
	if !ok || refused != nil {
		return FailedError{}
	}
	return nil
}

// setData sets socket.data as actions of handlers do.
func setData(s *socketio.Socket, data map[string]any) error {
	names := sortedNames(data)
	values := make([]ref.Val, len(names))
	for i, name := range names {
		text, err := json.Marshal(data[name])
		if err != nil {
			return err
		}
		values[i] = celvalue.FromJSON(text, celvalue.Origin{})
	}
	s.SetData(celvalue.DataOf(s).With(names, values))
	return nil
}

// witness sees what gateways evaluate. Safe for concurrent use.
type witness struct {
	mu   sync.Mutex
	seen []seenExpression
	log  logBuffer
}

// seenExpression is one evaluation, explained.
type seenExpression struct {
	path, source string
	handler      bool
	result       ref.Val
	err          error
	parts        []explained
}

// explained is a part of an expression with its value, printed.
type explained struct {
	text, value string
	depth       int
}

func (w *witness) compiled(svc *v1alpha1.RealtimeService, p *runtime.Program) {
	p.Observe(svc, w.observe)
}

// observe explains an evaluation while its variables are valid.
func (w *witness) observe(o observation.Observation) {
	seen := seenExpression{path: o.Path, source: o.Source, handler: o.Kind == observation.Handler, result: o.Result, err: o.Err}
	if o.Vars != nil {
		seen.parts = explainParts(o.Expression, o.Source, o.Vars)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, seen)
}

// take returns what was seen since the last time.
func (w *witness) take() []seenExpression {
	lab.Settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func explainParts(kind expression.Kind, source string, vars cel.Activation) []explained {
	parts, err := expression.Explain(kind, source, vars)
	if err != nil {
		return []explained{{text: source, value: "fails: " + err.Error()}}
	}
	all := make([]explained, 0, len(parts))
	for i, part := range parts {
		// What fails says why; what is within it shows of what. Of a path that has a value, what it
		// begins with says no more.
		if i > 0 && isPath(parts, i) {
			continue
		}
		all = append(all, explained{part.Text, valueText(part.Value), part.Depth})
	}
	return all
}

// isPath reports whether a part is the beginning of a path whose value is known, such as
// socket.claims of socket.claims.teams.
func isPath(parts []expression.Part, i int) bool {
	for outer := i - 1; outer >= 0; outer-- {
		p := parts[outer]
		if p.Depth >= parts[i].Depth {
			continue
		}
		selects := strings.HasPrefix(p.Text, parts[i].Text+".") && !strings.ContainsAny(p.Text[len(parts[i].Text):], "( ")
		return selects && p.Value != nil && !types.IsError(p.Value)
	}
	return false
}

func valueText(v ref.Val) string {
	if v == nil {
		return "(not evaluated)"
	}
	if failed, ok := v.(*types.Err); ok {
		return "fails: " + failed.String()
	}
	if object, ok := v.(celvalue.Object); ok {
		return "(" + object.Declared.TypeName() + ")"
	}
	args, err := celvalue.Encode(types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{v}), nil)
	if err != nil {
		return fmt.Sprintf("(%s)", v.Type().TypeName())
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(args.JSON), "["), "]")
}

// explain prints what was evaluated.
func (q *Question) explain(seen []seenExpression) {
	for _, s := range seen {
		if s.handler {
			q.say("  %s runs", s.path)
			continue
		}
		q.say("  %s: %s", s.path, s.outcome())
		width := 0
		for _, p := range s.parts {
			width = max(width, 2*p.depth+columns(p.text))
		}
		for _, p := range s.parts {
			q.say("    %s   %s", pad(strings.Repeat("  ", p.depth)+p.text, width), p.value)
		}
	}
}

func (s *seenExpression) outcome() string {
	if s.err != nil {
		return "fails: " + s.err.Error()
	}
	return valueText(s.result)
}
