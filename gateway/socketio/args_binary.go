// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// deepest is how deep maps and lists may be within each other where there is something binary. A map that has itself within it is
// deeper.
const deepest = 1000

// argsEncoder writes arguments.
type argsEncoder struct {
	buf         []byte
	attachments [][]byte
}

func (e *argsEncoder) value(v any) (err error) {
	if hasBinary(v, 0) {
		return e.tree(v, 0)
	}
	e.buf, err = plainjson.Append(e.buf, v)
	return err
}

// tree writes what may have something binary within it.
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

// object writes a map by its keys, as encoding/json does.
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

// hasBinary tells whether there is []byte in a map or list. What is too deep is left to whoever encodes it.
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
	}
	return false
}

// decode reads an argument.
func (a Args) decode(raw []byte, v any) error {
	if len(a.Attachments) == 0 || len(placeholder.Find(raw)) == 0 {
		return json.Unmarshal(raw, v)
	}
	switch v := v.(type) {
	case *any:
		return decodeTree(a, raw, v)
	case *map[string]any:
		return decodeTree(a, raw, v)
	case *[]any:
		return decodeTree(a, raw, v)
	}
	// encoding/json reads base64 into []byte.
	tree, err := a.tree(raw, true)
	if err != nil {
		return err
	}
	if raw, err = json.Marshal(tree); err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func decodeTree[T any](a Args, raw []byte, into *T) error {
	tree, err := a.tree(raw, false)
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

// tree is what JSON says, with attachments in place of what stands for them.
func (a Args) tree(raw []byte, exactNumbers bool) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if exactNumbers {
		d.UseNumber()
	}
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	return a.restore(tree)
}

func (a Args) restore(v any) (_ any, err error) {
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

// named is the attachment of a number.
func (a Args) named(num any) ([]byte, error) {
	i := -1
	switch num := num.(type) {
	case float64:
		i = int(num)
	case json.Number:
		if n, err := num.Int64(); err == nil {
			i = int(n)
		}
	}
	if i < 0 || i >= len(a.Attachments) {
		return nil, fmt.Errorf("it names attachment %v of %d", num, len(a.Attachments))
	}
	return a.Attachments[i], nil
}
