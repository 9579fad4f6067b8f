// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/json"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Args are the arguments of an event or an acknowledgement. They stay encoded, so that relayed
// arguments keep their bytes: the order of keys and the form of numbers.
type Args struct {
	// JSON is a JSON array, such as [1,{"a":2}]. It has {"_placeholder":true,"num":n} in place of
	// an attachment.
	JSON []byte
	// Attachments are the binary values, indexed by the placeholders.
	Attachments [][]byte
}

var emptyList = []byte("[]")

// NewArgs encodes values as arguments. A []byte becomes an attachment wherever it is: as an
// argument, in a map, a list or a struct field; but not within values that encode themselves, nor
// if its type is a named one. A json.RawMessage is kept as it is. Everything else is encoded by
// encoding/json, without HTML escaping.
func NewArgs(values ...any) (Args, error) {
	list, attachments, err := parser.EncodeArgs(values...)
	return Args{JSON: list, Attachments: attachments}, err
}

// Len returns the number of arguments.
func (a Args) Len() int {
	values, err := parser.SplitArgs(a.JSON)
	if err != nil {
		return 0
	}
	return len(values)
}

// Decode decodes argument i into v, like json.Unmarshal. An attachment is decoded into []byte, as
// an argument, within one, and as a field of a struct. Values of type any, map[string]any and []any
// have []byte in place of attachments.
func (a Args) Decode(i int, v any) error {
	values, err := parser.SplitArgs(a.JSON)
	if err != nil {
		return err
	}
	return a.decodeOf(values, i, v)
}

// decodeOf is Decode for arguments that are already split.
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

// List returns the arguments as a JSON array, an empty one if there are none.
func (a Args) List() []byte {
	if len(a.JSON) == 0 {
		return emptyList
	}
	return a.JSON
}

// Scan decodes the arguments into pointers, in order, like Decode. There may be more arguments than
// pointers.
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

// Decode decodes argument i of an answer or an event as a T; see Args.Decode.
func Decode[T any](args Args, i int) (T, error) {
	var value T
	err := args.Decode(i, &value)
	return value, err
}
