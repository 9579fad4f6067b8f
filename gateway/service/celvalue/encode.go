// SPDX-License-Identifier: Apache-2.0

package celvalue

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

// isoMillis is the format of JavaScript's toISOString.
const isoMillis = "2006-01-02T15:04:05.000Z"

// errPlaceholder refuses data that recipients would mistake for a placeholder.
var errPlaceholder = errors.New("data that looks like a binary placeholder cannot go out together with binary data")

// writtenWork is the cost of writing a value.
const writtenWork = 3

// Encode encodes a value as a client receives it; docs/reference/expressions.md has the table.
// Bytes become attachments.
func Encode(v ref.Val, b *expression.Budget) (args socketio.Args, err error) {
	defer b.Recover(&err)
	e := &Encoder{Budget: b}
	if err := e.Value(v); err != nil {
		return socketio.Args{}, err
	}
	return e.Args()
}

// Args returns the encoded values. It fails if there are more attachments than clients accept, or
// data that clients would mistake for a placeholder.
func (e *Encoder) Args() (socketio.Args, error) {
	if len(e.Attachments) > socketio.MaxAttachments {
		return socketio.Args{}, fmt.Errorf("%d binary values in one packet, clients take %d", len(e.Attachments), socketio.MaxAttachments)
	}
	if len(e.Attachments) > 0 && e.ForeignPlaceholders && len(placeholder.Find(e.JSON)) != len(e.Attachments) {
		return socketio.Args{}, errPlaceholder
	}
	return socketio.Args{JSON: e.JSON, Attachments: e.Attachments}, nil
}

// Encoder encodes values as a client receives them, one after another. Its owner may append
// constant JSON. Not safe for concurrent use.
type Encoder struct {
	// JSON has the encoded values. Its placeholders refer to Attachments.
	JSON        []byte
	Attachments [][]byte
	// ForeignPlaceholders is true if JSON may contain something that looks like a placeholder but
	// was not written by the encoder: in data that came without attachments, or in a map of an
	// expression.
	ForeignPlaceholders bool
	// Budget pays for what is written; nil: it is free.
	Budget *expression.Budget
}

// Value encodes a value. It fails for values without a JSON form, such as socket.
func (e *Encoder) Value(v ref.Val) error {
	e.Budget.Charge(writtenWork)
	switch v := v.(type) {
	case types.Null:
		e.JSON = append(e.JSON, "null"...)
	case types.Bool:
		e.JSON = strconv.AppendBool(e.JSON, bool(v))
	case types.Int:
		e.JSON = strconv.AppendInt(e.JSON, int64(v), 10)
	case types.Uint:
		e.JSON = strconv.AppendUint(e.JSON, uint64(v), 10)
	case types.Double:
		e.double(float64(v))
	case types.String:
		e.Text(string(v))
	case types.Bytes:
		e.bytes(v)
	case types.Timestamp:
		e.Time(v.Time)
	case types.Duration:
		e.Text(strconv.FormatFloat(v.Seconds(), 'f', -1, 64) + "s")
	case *rawScalar:
		e.Source(v.raw, nil)
	case *rawList:
		e.Source(v.raw, v.Attachments)
	case *rawMap:
		e.Source(v.raw, v.Attachments)
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

// double writes a number like JSON.stringify: 3 for 3.0, and null for values that JSON does not
// have.
func (e *Encoder) double(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.JSON = append(e.JSON, "null"...)
		return
	}
	e.JSON = expression.AppendNumber(e.JSON, f)
}

// Time writes a time like JavaScript.
func (e *Encoder) Time(t time.Time) {
	e.JSON = append(e.JSON, '"')
	e.JSON = t.UTC().AppendFormat(e.JSON, isoMillis)
	e.JSON = append(e.JSON, '"')
}

// Text writes a string.
func (e *Encoder) Text(s string) {
	e.Budget.ChargeBytes(len(s))
	e.JSON = plainjson.AppendString(e.JSON, s)
}

func (e *Encoder) bytes(b []byte) {
	e.Budget.Charge(writtenWork)
	e.JSON = placeholder.Append(e.JSON, len(e.Attachments))
	e.Attachments = append(e.Attachments, b)
}

// Source writes JSON as it is, except for the numbers of its placeholders.
func (e *Encoder) Source(raw []byte, attachments [][]byte) {
	e.Budget.ChargeCopy(len(raw))
	if len(attachments) == 0 {
		e.ForeignPlaceholders = e.ForeignPlaceholders || raw[0] == '[' || raw[0] == '{'
		e.JSON = append(e.JSON, raw...)
		return
	}
	from := 0
	for _, p := range placeholder.Find(raw) {
		if p.Num < 0 || p.Num >= len(attachments) {
			e.ForeignPlaceholders = true
			continue
		}
		e.JSON = append(e.JSON, raw[from:p.Start]...)
		e.bytes(attachments[p.Num])
		from = p.End
	}
	e.JSON = append(e.JSON, raw[from:]...)
}

func (e *Encoder) list(l traits.Lister) error {
	return e.Sequence('[', ']', func(comma func()) error {
		for it := l.Iterator(); it.HasNext() == types.True; {
			comma()
			if err := e.Value(it.Next()); err != nil {
				return err
			}
		}
		return nil
	})
}

// mapper writes a map of an expression, which has no order, sorted by name.
func (e *Encoder) mapper(m traits.Mapper) error {
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
		e.Budget.Charge(memberWork)
		all = append(all, member{name, m.Get(key)})
	}
	slices.SortFunc(all, func(a, b member) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	e.ForeignPlaceholders = true
	return e.Sequence('{', '}', func(comma func()) error {
		for _, member := range all {
			comma()
			e.Text(member.name)
			e.JSON = append(e.JSON, ':')
			if err := e.Value(member.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// fieldName returns the key of a map as the name of a field. Numbers are written as in JavaScript.
func fieldName(key ref.Val) (string, bool) {
	if f, ok := key.(types.Double); ok {
		return string(expression.AppendNumber(nil, float64(f))), true
	}
	name, ok := key.ConvertToType(types.StringType).(types.String)
	return string(name), ok
}

// Sequence writes brackets, and the commas that body requests.
func (e *Encoder) Sequence(open, end byte, body func(comma func()) error) error {
	e.JSON = append(e.JSON, open)
	first := true
	err := body(func() {
		if !first {
			e.JSON = append(e.JSON, ',')
		}
		first = false
	})
	e.JSON = append(e.JSON, end)
	return err
}
