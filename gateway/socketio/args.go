// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
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

// NewArgs encodes values as arguments. []byte becomes an attachment wherever it stands: as an argument, in a map, a list or a field of
// a struct; not in what encodes itself, nor of a named type. json.RawMessage is kept as it is. Everything else is as encoding/json has it,
// without HTML escaping.
func NewArgs(values ...any) (Args, error) {
	list, attachments, err := parser.EncodeArgs(values...)
	return Args{JSON: list, Attachments: attachments}, err
}

// Len is the number of arguments.
func (a Args) Len() int {
	values, err := parser.SplitArgs(a.JSON)
	if err != nil {
		return 0
	}
	return len(values)
}

// Decode reads argument i into v, as json.Unmarshal does. An attachment is read into []byte, as an argument, within one and as a field of a
// struct; and what is read into any, map[string]any or []any has []byte where there are attachments.
func (a Args) Decode(i int, v any) error {
	values, err := parser.SplitArgs(a.JSON)
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
	if into, ok := v.(*[]byte); ok {
		data, err := parser.DecodeBinaryArg(values[i], a.Attachments)
		if err == nil {
			*into = data
		}
		return err
	}
	if err := parser.DecodeArg(values[i], a.Attachments, v); err != nil {
		return fmt.Errorf("decode argument %d: %w", i, err)
	}
	return nil
}

// list is the arguments as a JSON array even if nothing was given.
func (a Args) list() []byte {
	if len(a.JSON) == 0 {
		return emptyList
	}
	return a.JSON
}

// Scan reads the arguments into pointers, one after the other, as Decode does. There may be more arguments than pointers.
func (a Args) Scan(pointers ...any) error {
	if len(pointers) == 0 {
		return nil
	}
	values, err := parser.SplitArgs(a.JSON)
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
