// SPDX-License-Identifier: Apache-2.0

package strictyaml

import "reflect"

// Schema returns the JSON Schema (draft 2020-12) of the type of a value, for editors. A field is
// described by its tag `doc:"…"`.
func Schema(v any) map[string]any {
	s := schemas{map[string]any{}}
	root := s.of(reflect.TypeOf(v))
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$defs"] = s.definitions
	return root
}

// schemas has the schemas of named structs, which may be within themselves.
type schemas struct{ definitions map[string]any }

func (s schemas) of(t reflect.Type) map[string]any {
	if u, ok := reflect.New(t).Interface().(Unmarshaler); ok {
		return u.Schema(func(v any) map[string]any { return s.of(reflect.TypeOf(v)) })
	}
	switch {
	case t == durationType:
		return map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`}
	case t.Kind() == reflect.Pointer:
		return s.of(t.Elem())
	case t.Kind() == reflect.Struct:
		return s.object(t)
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.of(t.Elem())}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": s.of(t.Elem())}
	case t.Kind() == reflect.Interface:
		return map[string]any{}
	case t.Kind() == reflect.Int:
		return map[string]any{"type": "integer"}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	}
	return map[string]any{"type": "string"}
}

func (s schemas) object(t reflect.Type) map[string]any {
	reference := map[string]any{"$ref": "#/$defs/" + t.Name()}
	if _, known := s.definitions[t.Name()]; known {
		return reference
	}
	s.definitions[t.Name()] = nil // for a struct within itself
	properties, required := map[string]any{}, []string{}
	for _, f := range fieldsOf(t) {
		property := s.of(t.Field(f.index).Type)
		if doc := t.Field(f.index).Tag.Get("doc"); doc != "" {
			property["description"] = doc
		}
		properties[f.name] = property
		if f.required {
			required = append(required, f.name)
		}
	}
	s.definitions[t.Name()] = map[string]any{
		"type": "object", "additionalProperties": false, "properties": properties, "required": required,
	}
	return reference
}
