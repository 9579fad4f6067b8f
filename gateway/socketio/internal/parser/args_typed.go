// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// leaf encodes a value that is no map[string]any, []any or []byte.
func (e *argsEncoder) leaf(v any) (err error) {
	if mayHoldBytes(reflect.TypeOf(v)) {
		return e.typed(v)
	}
	e.buf, err = plainjson.Append(e.buf, v)
	return err
}

// typed encodes a value of a type that contains []byte, like encoding/json, except for the []byte.
// It uses version 2 of that package, which accepts a function for a type; Go 1.27 has it in the
// standard library.
func (e *argsEncoder) typed(v any) error {
	attach := jsonv2.MarshalToFunc(func(enc *jsontext.Encoder, b []byte) error {
		if b == nil {
			return errors.ErrUnsupported // null, as in encoding/json
		}
		e.attachments = append(e.attachments, b)
		return enc.WriteValue(placeholder.Append(nil, len(e.attachments)-1))
	})
	number := jsonv2.MarshalToFunc(func(enc *jsontext.Encoder, n json.Number) error {
		return enc.WriteValue(jsontext.Value(cmp.Or(n, "0"))) // which checks it
	})
	encoded, err := jsonv2.Marshal(v, jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false),
		jsonv2.WithMarshalers(jsonv2.JoinMarshalers(attach, number)))
	if err != nil {
		return fmt.Errorf("encode %T: %w", v, err)
	}
	e.buf = append(e.buf, encoded...)
	return nil
}

var (
	bytesType    = reflect.TypeFor[[]byte]()
	encodeSelves = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}
	// holders are the types that were examined, and whether they may hold []byte.
	holders sync.Map
)

// mayHoldBytes reports whether values of a type may have []byte within them that encoding/json
// would write as base64.
func mayHoldBytes(t reflect.Type) bool {
	if t == nil {
		return false
	}
	if known, ok := holders.Load(t); ok {
		return known.(bool)
	}
	may := reachesBytes(t, map[reflect.Type]bool{})
	holders.Store(t, may)
	return may
}

// reachesBytes examines the types that a type is made of, except those in seen.
func reachesBytes(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || encodesItself(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return t == bytesType || reachesBytes(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-" && reachesBytes(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

func encodesItself(t reflect.Type) bool {
	for _, self := range encodeSelves {
		if t.Implements(self) || reflect.PointerTo(t).Implements(self) {
			return true
		}
	}
	return false
}
