// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"fmt"
)

// Args are the arguments of an event or of an acknowledgement, as they came over the wire or will go out.
// They stay raw, so that what is relayed keeps its bytes: the order of keys, the form of numbers.
type Args struct {
	// JSON is a JSON array, such as [1,{"a":2}]. An attachment stands in it as {"_placeholder":true,"num":n}.
	JSON []byte
	// Attachments are the binary arguments that the placeholders name by index.
	Attachments [][]byte
}

var emptyList = []byte("[]")

// NewArgs encodes values as arguments. []byte becomes an attachment, as an argument and within map[string]any and []any; but a
// field of a struct is what encoding/json makes of it, base64. json.RawMessage is kept as it is. Everything else goes through encoding/json,
// without HTML escaping.
func NewArgs(values ...any) (Args, error) {
	e := argsEncoder{buf: []byte{'['}}
	for i, v := range values {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.value(v); err != nil {
			return Args{}, fmt.Errorf("encode argument %d: %w", i, err)
		}
	}
	return Args{JSON: append(e.buf, ']'), Attachments: e.attachments}, nil
}

// Len is the number of arguments.
func (a Args) Len() int {
	values, err := a.split()
	if err != nil {
		return 0
	}
	return len(values)
}

// Decode reads argument i into v, as json.Unmarshal does. An attachment is read into []byte, as an argument, within one and as a field of a
// struct; and what is read into any, map[string]any or []any has []byte where there are attachments.
func (a Args) Decode(i int, v any) error {
	values, err := a.split()
	if err != nil {
		return err
	}
	return a.decodeOf(values, i, v)
}

// decodeOf is Decode of arguments that are split.
func (a Args) decodeOf(values []json.RawMessage, i int, v any) error {
	if i < 0 || i >= len(values) {
		return fmt.Errorf("decode argument %d: there are %d", i, len(values))
	}
	if dst, ok := v.(*[]byte); ok {
		return a.attachment(values[i], dst)
	}
	if err := a.decode(values[i], v); err != nil {
		return fmt.Errorf("decode argument %d: %w", i, err)
	}
	return nil
}

func (a Args) split() ([]json.RawMessage, error) {
	if len(a.JSON) == 0 {
		return nil, nil
	}
	var values []json.RawMessage
	if err := json.Unmarshal(a.JSON, &values); err != nil {
		return nil, fmt.Errorf("split arguments: %w", err)
	}
	return values, nil
}

func (a Args) attachment(raw json.RawMessage, dst *[]byte) error {
	var p binaryArgument
	if err := json.Unmarshal(raw, &p); err != nil || !p.Placeholder {
		return fmt.Errorf("argument %.40s is not binary", raw)
	}
	if p.Num < 0 || p.Num >= len(a.Attachments) {
		return fmt.Errorf("argument names attachment %d of %d", p.Num, len(a.Attachments))
	}
	*dst = a.Attachments[p.Num]
	return nil
}

// list is the arguments as a JSON array even if nothing was given.
func (a Args) list() []byte {
	if len(a.JSON) == 0 {
		return emptyList
	}
	return a.JSON
}

// binaryArgument is an argument that stands for an attachment.
type binaryArgument struct {
	Placeholder bool `json:"_placeholder"`
	Num         int  `json:"num"`
}

// Scan reads the arguments into pointers, one after the other, as Decode does. There may be more arguments than pointers.
func (a Args) Scan(pointers ...any) error {
	if len(pointers) == 0 {
		return nil
	}
	values, err := a.split()
	if err != nil {
		return err
	}
	for i, p := range pointers {
		if err := a.decodeOf(values, i, p); err != nil {
			return err
		}
	}
	return nil
}
