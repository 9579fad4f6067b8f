// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"encoding/json"
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

	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// isoMillis is how JavaScript's toISOString writes a time.
const isoMillis = "2006-01-02T15:04:05.000Z"

// errPlaceholder refuses what a client could do to those who receive its data: they would take it for a placeholder.
var errPlaceholder = errors.New("data that looks like a binary placeholder cannot go out together with binary data")

// encode writes a value as a client receives it; docs/expressions.md has the table. Bytes become attachments.
func encode(v ref.Val) (socketio.Args, error) {
	e := &encoder{}
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
	if len(e.attachments) > 0 && e.foreign && countPlaceholders(e.buf) != len(e.attachments) {
		return socketio.Args{}, errPlaceholder
	}
	return socketio.Args{JSON: e.buf, Attachments: e.attachments}, nil
}

type encoder struct {
	buf         []byte
	attachments [][]byte
	// foreign is true if there is in buf what a client has sent, or a map of an expression.
	foreign bool
}

func (e *encoder) value(v ref.Val) error {
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
	case *rawList:
		return e.rawList(v)
	case *rawMap:
		return e.rawMap(v)
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
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		e.buf = append(e.buf, "null"...)
	case f == 0: // minus zero too
		e.buf = append(e.buf, '0')
	default:
		e.finite(f)
	}
}

// finite writes integers that a double holds exactly as they are.
func (e *encoder) finite(f float64) {
	if n := int64(f); float64(n) == f && n > -1<<53 && n < 1<<53 {
		e.buf = strconv.AppendInt(e.buf, n, 10)
		return
	}
	text, _ := json.Marshal(f) // formats as ECMAScript does; a finite number always encodes
	e.buf = append(e.buf, text...)
}

func (e *encoder) time(t time.Time) {
	e.buf = append(e.buf, '"')
	e.buf = t.UTC().AppendFormat(e.buf, isoMillis)
	e.buf = append(e.buf, '"')
}

func (e *encoder) text(s string) { e.buf = plainjson.AppendString(e.buf, s) }

func (e *encoder) bytes(b []byte) {
	e.buf = append(e.buf, `{"_placeholder":true,"num":`...)
	e.buf = strconv.AppendInt(e.buf, int64(len(e.attachments)), 10)
	e.buf = append(e.buf, '}')
	e.attachments = append(e.attachments, b)
}

// rawList copies a list as it is, if there is nothing binary in it whose number might change.
func (e *encoder) rawList(l *rawList) error {
	if len(l.attachments) == 0 {
		e.raw(l.raw)
		return nil
	}
	return e.sequence('[', ']', func(comma func()) error {
		for element := range elements(l.raw) {
			comma()
			if err := e.value(fromJSON(element, l.attachments)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *encoder) rawMap(m *rawMap) error {
	if len(m.attachments) == 0 {
		e.raw(m.raw)
		return nil
	}
	e.foreign = true
	return e.sequence('{', '}', func(comma func()) error {
		for name, value := range members(m.raw) {
			comma()
			e.buf = append(append(e.buf, name...), ':')
			if err := e.scalarOrNested(value, m.attachments); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *encoder) scalarOrNested(raw []byte, attachments [][]byte) error {
	if raw[0] != '[' && raw[0] != '{' {
		e.buf = append(e.buf, raw...)
		return nil
	}
	return e.value(fromJSON(raw, attachments))
}

func (e *encoder) raw(raw []byte) {
	e.foreign = true
	e.buf = append(e.buf, raw...)
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
		name, ok := key.ConvertToType(types.StringType).(types.String)
		if !ok {
			return fmt.Errorf("a %s cannot be the name of a field", key.Type().TypeName())
		}
		all = append(all, member{string(name), m.Get(key)})
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

// countPlaceholders counts what a client would take for one.
func countPlaceholders(raw []byte) int {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return -1 // never: we have written it
	}
	return placeholdersIn(v)
}

func placeholdersIn(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += placeholdersIn(e)
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return 1
		}
		for _, e := range v {
			n += placeholdersIn(e)
		}
	}
	return n
}
