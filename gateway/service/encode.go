// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// isoMillis is how JavaScript's toISOString writes a time.
const isoMillis = "2006-01-02T15:04:05.000Z"

// errPlaceholder refuses what a client could do to those who receive its data: they would take it for a placeholder.
var errPlaceholder = errors.New("data that looks like a binary placeholder cannot go out together with binary data")

// writtenWork is what writing a value costs.
const writtenWork = 3

// encode writes a value as a client receives it; docs/reference/expressions.md has the table. Bytes become attachments.
func encode(v ref.Val, b *expression.Budget) (args socketio.Args, err error) {
	defer b.Recover(&err)
	e := &encoder{budget: b}
	if err := e.value(v); err != nil {
		return socketio.Args{}, err
	}
	return e.args()
}

// args is what has been written.
func (e *encoder) args() (socketio.Args, error) {
	if len(e.attachments) > socketio.MaxAttachments {
		return socketio.Args{}, fmt.Errorf("%d binary values in one packet, clients take %d", len(e.attachments), socketio.MaxAttachments)
	}
	if len(e.attachments) > 0 && e.foreign && len(placeholder.Find(e.buf)) != len(e.attachments) {
		return socketio.Args{}, errPlaceholder
	}
	return socketio.Args{JSON: e.buf, Attachments: e.attachments}, nil
}

type encoder struct {
	buf         []byte
	attachments [][]byte
	// foreign is true if what looks like a placeholder may be in buf and is none of the encoder's: in
	// what came without attachments, or as a map of an expression.
	foreign bool
	// budget pays for what is written; nil: nobody does.
	budget *expression.Budget
}

func (e *encoder) value(v ref.Val) error {
	e.budget.Charge(writtenWork)
	switch v := v.(type) {
	case types.Null:
		e.buf = append(e.buf, "null"...)
	case types.Bool:
		e.buf = strconv.AppendBool(e.buf, bool(v))
	case types.Int:
		e.buf = strconv.AppendInt(e.buf, int64(v), 10)
	case types.Uint:
		e.buf = strconv.AppendUint(e.buf, uint64(v), 10)
	case types.Double:
		e.double(float64(v))
	case types.String:
		e.text(string(v))
	case types.Bytes:
		e.bytes(v)
	case types.Timestamp:
		e.time(v.Time)
	case types.Duration:
		e.text(strconv.FormatFloat(v.Seconds(), 'f', -1, 64) + "s")
	case *rawScalar:
		e.source(v.raw, nil)
	case *rawList:
		e.source(v.raw, v.attachments)
	case *rawMap:
		e.source(v.raw, v.attachments)
	case traits.Lister:
		return e.list(v)
	case traits.Mapper:
		return e.mapper(v)
	default:
		return errNotSent(v, nil)
	}
	return nil
}

func errNotSent(v ref.Val, _ reflect.Type) error {
	return fmt.Errorf("a %s can be neither sent nor stored", v.Type().TypeName())
}

// double writes a number as JSON.stringify does: 3 for 3.0, and null for what JSON cannot say.
func (e *encoder) double(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.buf = append(e.buf, "null"...)
		return
	}
	e.buf = expression.AppendNumber(e.buf, f)
}

func (e *encoder) time(t time.Time) {
	e.buf = append(e.buf, '"')
	e.buf = t.UTC().AppendFormat(e.buf, isoMillis)
	e.buf = append(e.buf, '"')
}

func (e *encoder) text(s string) {
	e.budget.ChargeBytes(len(s))
	e.buf = plainjson.AppendString(e.buf, s)
}

func (e *encoder) bytes(b []byte) {
	e.budget.Charge(writtenWork)
	e.buf = placeholder.Append(e.buf, len(e.attachments))
	e.attachments = append(e.attachments, b)
}

// source writes JSON as it came, but for the numbers of its placeholders.
func (e *encoder) source(raw []byte, attachments [][]byte) {
	e.budget.ChargeCopy(len(raw))
	if len(attachments) == 0 {
		e.foreign = e.foreign || raw[0] == '[' || raw[0] == '{'
		e.buf = append(e.buf, raw...)
		return
	}
	from := 0
	for _, p := range placeholder.Find(raw) {
		if p.Num < 0 || p.Num >= len(attachments) {
			e.foreign = true
			continue
		}
		e.buf = append(e.buf, raw[from:p.Start]...)
		e.bytes(attachments[p.Num])
		from = p.End
	}
	e.buf = append(e.buf, raw[from:]...)
}

func (e *encoder) list(l traits.Lister) error {
	return e.sequence('[', ']', func(comma func()) error {
		for it := l.Iterator(); it.HasNext() == types.True; {
			comma()
			if err := e.value(it.Next()); err != nil {
				return err
			}
		}
		return nil
	})
}

// mapper writes a map of an expression, which has no order, by its names.
func (e *encoder) mapper(m traits.Mapper) error {
	type member struct {
		name  string
		value ref.Val
	}
	var all []member
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := fieldName(key)
		if !ok {
			return fmt.Errorf("a %s cannot be the name of a field", key.Type().TypeName())
		}
		e.budget.Charge(memberWork)
		all = append(all, member{name, m.Get(key)})
	}
	slices.SortFunc(all, func(a, b member) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	e.foreign = true
	return e.sequence('{', '}', func(comma func()) error {
		for _, member := range all {
			comma()
			e.text(member.name)
			e.buf = append(e.buf, ':')
			if err := e.value(member.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// fieldName is the key of a map as the name of a field. Numbers read as they do in JavaScript.
func fieldName(key ref.Val) (string, bool) {
	if f, ok := key.(types.Double); ok {
		return string(expression.AppendNumber(nil, float64(f))), true
	}
	name, ok := key.ConvertToType(types.StringType).(types.String)
	return string(name), ok
}

// sequence writes brackets, and the commas that body asks for.
func (e *encoder) sequence(open, end byte, body func(comma func()) error) error {
	e.buf = append(e.buf, open)
	first := true
	err := body(func() {
		if !first {
			e.buf = append(e.buf, ',')
		}
		first = false
	})
	e.buf = append(e.buf, end)
	return err
}
