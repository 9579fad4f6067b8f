// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// deepest bounds the nesting of maps and lists that hold binary values. It stops the walk of a map
// that contains itself.
const deepest = 1000

var emptyList = []byte("[]")

// EncodeArgs encodes values as arguments: a JSON array, and the binary values that its placeholders
// name by index. []byte becomes an attachment wherever it is, except within values that encode
// themselves, such as json.RawMessage, which is kept as it is. Everything else is encoded like by
// encoding/json, without HTML escaping.
func EncodeArgs(values ...any) (list []byte, attachments [][]byte, err error) {
	e := argsEncoder{buf: []byte{'['}}
	for i, v := range values {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.value(v); err != nil {
			return nil, nil, fmt.Errorf("encode argument %d: %w", i, err)
		}
	}
	return append(e.buf, ']'), e.attachments, nil
}

// SplitArgs splits a JSON array into its elements. Empty input is an empty array.
func SplitArgs(list []byte) ([]json.RawMessage, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var values []json.RawMessage
	if err := json.Unmarshal(list, &values); err != nil {
		return nil, fmt.Errorf("split arguments: %w", err)
	}
	return values, nil
}

// binaryArgument is the placeholder of an attachment.
type binaryArgument struct {
	Placeholder bool `json:"_placeholder"`
	Num         int  `json:"num"`
}

// DecodeBinaryArg returns the attachment that an argument stands for.
func DecodeBinaryArg(raw []byte, attachments [][]byte) ([]byte, error) {
	var p binaryArgument
	if err := json.Unmarshal(raw, &p); err != nil || !p.Placeholder {
		return nil, fmt.Errorf("argument %.40s is not binary", raw)
	}
	if p.Num < 0 || p.Num >= len(attachments) {
		return nil, fmt.Errorf("argument names attachment %d of %d", p.Num, len(attachments))
	}
	return attachments[p.Num], nil
}

// argsEncoder encodes arguments.
type argsEncoder struct {
	buf         []byte
	attachments [][]byte
}

func (e *argsEncoder) value(v any) (err error) {
	if hasBinary(v, 0) {
		return e.tree(v, 0)
	}
	return e.leaf(v)
}

// tree encodes a value that may contain binary values.
func (e *argsEncoder) tree(v any, depth int) (err error) {
	if depth > deepest {
		return errors.New("too deep")
	}
	switch v := v.(type) {
	case []byte:
		e.buf = placeholder.Append(e.buf, len(e.attachments))
		e.attachments = append(e.attachments, v)
		return nil
	case []any:
		if len(v) > 0 {
			return e.list(v, depth)
		}
	case map[string]any:
		if len(v) > 0 {
			return e.object(v, depth)
		}
	default:
		return e.leaf(v)
	}
	e.buf, err = plainjson.Append(e.buf, v)
	return err
}

func (e *argsEncoder) list(v []any, depth int) error {
	e.buf = append(e.buf, '[')
	for i, element := range v {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.tree(element, depth+1); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, ']')
	return nil
}

// object encodes a map in the order of its keys, like encoding/json.
func (e *argsEncoder) object(v map[string]any, depth int) error {
	e.buf = append(e.buf, '{')
	for i, key := range slices.Sorted(maps.Keys(v)) {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(plainjson.AppendString(e.buf, key), ':')
		if err := e.tree(v[key], depth+1); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, '}')
	return nil
}

// hasBinary reports whether a value is or contains []byte. A value that is nested too deep fails
// when it is encoded, not here.
func hasBinary(v any, depth int) bool {
	if depth > deepest {
		return false
	}
	switch v := v.(type) {
	case []byte:
		return true
	case []any:
		return slices.ContainsFunc(v, func(v any) bool { return hasBinary(v, depth+1) })
	case map[string]any:
		for _, v := range v {
			if hasBinary(v, depth+1) {
				return true
			}
		}
	default:
		return mayHoldBytes(reflect.TypeOf(v))
	}
	return false
}

// DecodeArg decodes an argument into v, like json.Unmarshal. An attachment is decoded into []byte;
// values of type any, map[string]any and []any have []byte in place of attachments.
func DecodeArg(raw []byte, attachments [][]byte, v any) error {
	places := placeholder.Find(raw)
	if len(attachments) == 0 || len(places) == 0 {
		return json.Unmarshal(raw, v)
	}
	a := binaryParts(attachments)
	switch v := v.(type) {
	case *any:
		return decodeTree(a, raw, v)
	case *map[string]any:
		return decodeTree(a, raw, v)
	case *[]any:
		return decodeTree(a, raw, v)
	}
	raw, err := a.inBase64(raw, places)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// binaryParts are the attachments of arguments, which placeholders name by index.
type binaryParts [][]byte

// inBase64 replaces placeholders by their attachments in the form in which encoding/json decodes
// them into []byte. All other bytes stay as they are, for json.RawMessage and json.Number.
func (a binaryParts) inBase64(raw []byte, places []placeholder.Span) ([]byte, error) {
	var out []byte
	from := 0
	for _, p := range places {
		if p.Num < 0 || p.Num >= len(a) {
			return nil, fmt.Errorf("%.60s names none of %d attachments", raw[p.Start:p.End], len(a))
		}
		out = append(append(out, raw[from:p.Start]...), '"')
		out = append(base64.StdEncoding.AppendEncode(out, a[p.Num]), '"')
		from = p.End
	}
	return append(out, raw[from:]...), nil
}

func decodeTree[T any](a binaryParts, raw []byte, into *T) error {
	var decoded any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return err
	}
	tree, err := a.restore(decoded)
	if err != nil {
		return err
	}
	value, ok := tree.(T)
	if !ok && tree != nil { // null is the zero value
		return fmt.Errorf("%.40s is no %T", raw, *into)
	}
	*into = value
	return nil
}

func (a binaryParts) restore(v any) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = a.restore(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return a.named(v["num"])
		}
		for key := range v {
			if v[key], err = a.restore(v[key]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// named returns the attachment with an index.
func (a binaryParts) named(num any) ([]byte, error) {
	i := -1
	if f, ok := num.(float64); ok {
		i = int(f)
	}
	if i < 0 || i >= len(a) {
		return nil, fmt.Errorf("it names attachment %v of %d", num, len(a))
	}
	return a[i], nil
}
