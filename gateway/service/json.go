// SPDX-License-Identifier: Apache-2.0

package service

import (
	"encoding/json"
	"reflect"
	"strconv"
	"sync/atomic"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// fromJSON makes a CEL value of valid JSON in valid UTF-8, without which two names could read the same. Lists and maps stay JSON
// until an expression looks into them, level by level, so that what is relayed costs nothing and keeps its bytes. Where a packet
// has attachments, a placeholder is the bytes it names.
func fromJSON(raw []byte, attachments [][]byte) ref.Val {
	switch raw[0] {
	case '"':
		return types.String(unquote(raw))
	case '[':
		return &rawList{raw: raw, attachments: attachments}
	case '{':
		if i, ok := placeholder(raw, attachments); ok {
			return types.Bytes(attachments[i])
		}
		return &rawMap{raw: raw, attachments: attachments}
	case 't':
		return types.True
	case 'f':
		return types.False
	case 'n':
		return types.NullValue
	default:
		// Beyond the range of a double it is infinite, as in JavaScript.
		f, _ := strconv.ParseFloat(string(raw), 64)
		return types.Double(f)
	}
}

// placeholder tells which attachment an object stands for.
func placeholder(raw []byte, attachments [][]byte) (int, bool) {
	if len(attachments) == 0 {
		return 0, false
	}
	var p struct {
		Placeholder any `json:"_placeholder"`
		Num         any `json:"num"`
	}
	if err := json.Unmarshal(raw, &p); err != nil || p.Placeholder != true {
		return 0, false
	}
	num, ok := p.Num.(float64)
	if !ok || num < 0 || num >= float64(len(attachments)) {
		return 0, false
	}
	return int(num), true
}

func unquote(raw []byte) string {
	for _, c := range raw {
		if c == '\\' {
			var text string
			_ = json.Unmarshal(raw, &text) // raw is valid JSON
			return text
		}
	}
	return string(raw[1 : len(raw)-1])
}

// rawList is a list that is still JSON. It belongs to one event or to a socket's data. Safe for concurrent use: others than the
// socket's handlers may look at its data.
type rawList struct {
	raw         []byte
	attachments [][]byte
	list        atomic.Pointer[traits.Lister] // made when first needed
}

var _ traits.Lister = (*rawList)(nil)

func (l *rawList) decoded() traits.Lister {
	if list := l.list.Load(); list != nil {
		return *list
	}
	var values []ref.Val
	for e := range elements(l.raw) {
		values = append(values, fromJSON(e, l.attachments))
	}
	list := types.NewRefValList(types.DefaultTypeAdapter, values)
	l.list.Store(&list)
	return list
}

func (l *rawList) Add(other ref.Val) ref.Val        { return l.decoded().Add(other) }
func (l *rawList) Contains(v ref.Val) ref.Val       { return l.decoded().Contains(v) }
func (l *rawList) Get(index ref.Val) ref.Val        { return l.decoded().Get(index) }
func (l *rawList) Iterator() traits.Iterator        { return l.decoded().Iterator() }
func (l *rawList) Size() ref.Val                    { return l.decoded().Size() }
func (l *rawList) Equal(other ref.Val) ref.Val      { return l.decoded().Equal(other) }
func (l *rawList) ConvertToType(t ref.Type) ref.Val { return l.decoded().ConvertToType(t) }
func (l *rawList) Type() ref.Type                   { return types.ListType }
func (l *rawList) Value() any                       { return l.decoded().Value() }
func (l *rawList) ConvertToNative(t reflect.Type) (any, error) {
	return l.decoded().ConvertToNative(t)
}

// rawMap is an object that is still JSON; see rawList.
type rawMap struct {
	raw         []byte
	attachments [][]byte
	mapper      atomic.Pointer[traits.Mapper] // made when first needed
}

var _ traits.Mapper = (*rawMap)(nil)

func (m *rawMap) decoded() traits.Mapper {
	if mapper := m.mapper.Load(); mapper != nil {
		return *mapper
	}
	values := map[ref.Val]ref.Val{}
	for key, value := range members(m.raw) {
		values[types.String(unquote(key))] = fromJSON(value, m.attachments)
	}
	mapper := types.NewRefValMap(types.DefaultTypeAdapter, values)
	m.mapper.Store(&mapper)
	return mapper
}

func (m *rawMap) Contains(key ref.Val) ref.Val     { return m.decoded().Contains(key) }
func (m *rawMap) Find(key ref.Val) (ref.Val, bool) { return m.decoded().Find(key) }
func (m *rawMap) Get(key ref.Val) ref.Val          { return m.decoded().Get(key) }
func (m *rawMap) Iterator() traits.Iterator        { return m.decoded().Iterator() }
func (m *rawMap) Size() ref.Val                    { return m.decoded().Size() }
func (m *rawMap) Equal(other ref.Val) ref.Val      { return m.decoded().Equal(other) }
func (m *rawMap) ConvertToType(t ref.Type) ref.Val { return m.decoded().ConvertToType(t) }
func (m *rawMap) Type() ref.Type                   { return types.MapType }
func (m *rawMap) Value() any                       { return m.decoded().Value() }
func (m *rawMap) ConvertToNative(t reflect.Type) (any, error) {
	return m.decoded().ConvertToNative(t)
}
