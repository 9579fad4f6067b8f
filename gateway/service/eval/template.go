// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Template is a compiled expression for a list of arguments: constant JSON with holes, which are
// filled from the event, without CEL where that is possible. It does not change. Safe for
// concurrent use.
type Template struct {
	// program evaluates the whole expression, if there are no parts.
	program cel.Program
	// relay reports whether the value is that of args.
	relay bool
	// constant is the value if it has no holes.
	constant *socketio.Args
	parts    []part
	// tail is the text after the last hole; size is the approximate size of the result, without the
	// parts that come from the event.
	tail []byte
	size int
	// foreignPlaceholders is the field of the encoder that has written the constant text.
	foreignPlaceholders bool
}

// part is a hole, and the text before it.
type part struct {
	before []byte
	// fill writes the hole, if it can; nil if it never can.
	fill func(*Variables, *celvalue.Encoder) (done bool, err error)
	// program evaluates the hole.
	program cel.Program
}

// CompileTemplate compiles an expression that yields a list.
func CompileTemplate(source string) (*Template, error) {
	outline, err := expression.CompileOutline(expression.List, source)
	if err != nil {
		return nil, err
	}
	t := &Template{program: outline.Program, relay: outline.Variable == expression.Args}
	if outline.List == nil {
		return t, nil
	}
	c := templateCompiler{Template: t}
	if err := c.add(&outline); err != nil {
		return nil, err
	}
	t.tail, t.foreignPlaceholders = c.JSON, c.ForeignPlaceholders
	t.size += len(t.tail)
	if len(t.parts) == 0 {
		t.constant = &socketio.Args{JSON: t.tail}
	}
	return t, nil
}

// templateCompiler writes constants until it comes to a hole.
type templateCompiler struct {
	*Template
	celvalue.Encoder
}

// holeSize is the approximate size of a hole.
const holeSize = 24

func (c *templateCompiler) add(o *expression.Outline) error {
	switch {
	case o.Constant != nil:
		return c.constantValue(o)
	case o.List != nil:
		return c.Sequence('[', ']', func(comma func()) error {
			for i := range o.List {
				comma()
				if err := c.add(&o.List[i]); err != nil {
					return err
				}
			}
			return nil
		})
	case o.Map != nil:
		c.ForeignPlaceholders = true
		return c.Sequence('{', '}', func(comma func()) error {
			for i := range o.Map {
				comma()
				c.Text(o.Map[i].Name)
				c.JSON = append(c.JSON, ':')
				if err := c.add(&o.Map[i].Value); err != nil {
					return err
				}
			}
			return nil
		})
	case o.Argument:
		c.hole(o, func(v *Variables, e *celvalue.Encoder) (bool, error) { return v.writeArgument(e, o.Index), nil })
	case o.Variable == expression.Args:
		c.hole(o, func(v *Variables, e *celvalue.Encoder) (bool, error) { return true, e.Value(v.argumentList()) })
	case o.Variable == expression.Now:
		c.hole(o, func(v *Variables, e *celvalue.Encoder) (bool, error) {
			e.Time(v.Now)
			return true, nil
		})
	case o.Data != "":
		c.hole(o, func(v *Variables, e *celvalue.Encoder) (bool, error) { return v.writeData(e, o.Data) })
	default:
		c.hole(o, nil)
	}
	return nil
}

// constantValue writes a constant. Binary ones become holes, because the number of an attachment is
// known only when an event is written.
func (c *templateCompiler) constantValue(o *expression.Outline) error {
	var e celvalue.Encoder
	if err := e.Value(o.Constant); err != nil {
		return err
	}
	if len(e.Attachments) > 0 {
		c.hole(o, func(_ *Variables, e *celvalue.Encoder) (bool, error) { return true, e.Value(o.Constant) })
		return nil
	}
	c.JSON = append(c.JSON, e.JSON...)
	return nil
}

func (c *templateCompiler) hole(o *expression.Outline, fill func(*Variables, *celvalue.Encoder) (bool, error)) {
	c.parts = append(c.parts, part{before: slices.Clip(c.JSON), fill: fill, program: o.Program})
	c.size += len(c.JSON) + holeSize
	c.JSON = nil
}

// List evaluates to arguments for clients.
func (v *Variables) List(t *Template) (socketio.Args, error) {
	switch {
	case t.constant != nil:
		return *t.constant, nil
	case t.relay && len(v.Args.JSON) > 0 && len(v.Args.Attachments) == 0:
		return v.Args, nil
	case len(t.parts) == 0:
		return v.listByProgram(t.program)
	}
	e := celvalue.Encoder{JSON: make([]byte, 0, t.size+len(v.Args.JSON)), ForeignPlaceholders: t.foreignPlaceholders, Budget: &v.Budget}
	for i := range t.parts {
		p := &t.parts[i]
		e.JSON = append(e.JSON, p.before...)
		if err := v.fill(&e, p); err != nil {
			return socketio.Args{}, err
		}
	}
	e.JSON = append(e.JSON, t.tail...)
	return e.Args()
}

func (v *Variables) fill(e *celvalue.Encoder, p *part) error {
	if p.fill != nil {
		if done, err := p.fill(v, e); done || err != nil {
			return err
		}
	}
	value, err := v.Eval(p.program)
	if err != nil {
		return err
	}
	return e.Value(value)
}

func (v *Variables) listByProgram(program cel.Program) (socketio.Args, error) {
	list, err := v.Eval(program)
	if err != nil {
		return socketio.Args{}, err
	}
	if _, ok := list.(traits.Lister); !ok {
		return socketio.Args{}, wrongType(list, "a list")
	}
	return celvalue.Encode(list, &v.Budget)
}

func (v *Variables) writeArgument(e *celvalue.Encoder, index int) bool {
	raw := v.argument(index)
	if raw == nil {
		return false // CEL has the error
	}
	e.Source(raw, v.Args.Attachments)
	return true
}

func (v *Variables) writeData(e *celvalue.Encoder, name string) (bool, error) {
	value, ok := v.Data.Field(name)
	if !ok {
		return false, nil
	}
	return true, e.Value(value)
}
