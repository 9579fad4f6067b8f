// SPDX-License-Identifier: Apache-2.0

// Package strictyaml reads YAML into Go values, and refuses what it does not know: with the path,
// the line and the column of each mistake. It makes a JSON Schema of the same types, for editors.
//
// A field is known by its tag `yaml:"name"`, with ",required" behind the name of one that must be
// there. A field of type Pos receives the place of its struct.
package strictyaml

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Pos is a place in a file, from 1.
type Pos struct{ Line, Column int }

// Error is a mistake.
type Error struct {
	Pos
	// Path is such as tests[0].steps[2].emit; empty for the whole document.
	Path   string
	Reason string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%d:%d: ", e.Line, e.Column)
	if e.Path != "" {
		text += e.Path + ": "
	}
	return text + e.Reason
}

// Errors are the mistakes of one document.
type Errors []*Error

// Err joins them, in the order of the file; nil if there are none.
func (e Errors) Err() error {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	errs := make([]error, len(e))
	for i, mistake := range e {
		errs[i] = mistake
	}
	return errors.Join(errs...)
}

// Unmarshaler is a type that reads itself, for short forms. Errors need no place.
type Unmarshaler interface {
	// UnmarshalNode is called with the node, and with a function that reads another value from it.
	UnmarshalNode(n *yaml.Node, decode func(into any)) error
	// Schema is the JSON Schema of the type. of returns that of another type.
	Schema(of func(v any) map[string]any) map[string]any
}

// Decode reads one document into a pointer. The error joins all mistakes, each an *Error, in the
// order of the file.
func Decode(r io.Reader, into any) error {
	decoder := yaml.NewDecoder(r)
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return &Error{Pos{1, 1}, "", "the file is empty"}
		}
		return &Error{placeIn(err), "", strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	d := &decoding{}
	d.value(document.Content[0], reflect.ValueOf(into).Elem(), "")
	var next yaml.Node
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		d.fail(&next, "", "the file has more than one document")
	}
	return d.mistakes.Err()
}

// placeIn finds the line that an error of the YAML library names.
func placeIn(err error) Pos {
	p := Pos{1, 1}
	_, _ = fmt.Sscanf(err.Error(), "yaml: line %d:", &p.Line) // or it is the first
	return p
}

// maxDepth bounds how deep values are within each other: an alias may name what it is in.
const maxDepth = 64

// decoding is one document being read.
type decoding struct {
	mistakes Errors
	depth    int
}

func (d *decoding) fail(n *yaml.Node, path, format string, args ...any) {
	d.mistakes = append(d.mistakes, &Error{Pos{max(n.Line, 1), max(n.Column, 1)}, path, fmt.Sprintf(format, args...)})
}

var (
	posType      = reflect.TypeFor[Pos]()
	durationType = reflect.TypeFor[time.Duration]()
)

func (d *decoding) value(n *yaml.Node, v reflect.Value, path string) {
	d.depth++
	defer func() { d.depth-- }()
	if d.depth > maxDepth {
		d.fail(n, path, "it is more than %d levels deep", maxDepth)
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if u, ok := v.Addr().Interface().(Unmarshaler); ok {
		if err := u.UnmarshalNode(n, func(into any) { d.value(n, reflect.ValueOf(into).Elem(), path) }); err != nil {
			d.fail(n, path, "%s", err)
		}
		return
	}
	switch {
	case v.Type() == durationType:
		d.duration(n, v, path)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case v.Kind() == reflect.Struct:
		d.object(n, v, path)
	case v.Kind() == reflect.Map:
		d.members(n, v, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, path)
	case v.Kind() == reflect.Interface:
		if plain := d.plain(n, path); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoding) duration(n *yaml.Node, v reflect.Value, path string) {
	duration, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || duration < 0 {
		d.fail(n, path, "want a duration such as 500ms, 30s or 5m")
		return
	}
	v.SetInt(int64(duration))
}

// scalar reads a string, a number or a bool. Values of other types are not converted.
func (d *decoding) scalar(n *yaml.Node, v reflect.Value, path string) {
	want, tag := "a string", "!!str"
	switch v.Kind() {
	case reflect.Int:
		want, tag = "an integer", "!!int"
	case reflect.Bool:
		want, tag = "true or false", "!!bool"
	}
	is := n.ShortTag()
	if is == "!!timestamp" { // which JSON has not, and nobody means
		is = "!!str"
	}
	if n.Kind != yaml.ScalarNode || is != tag {
		d.fail(n, path, "want %s, and this is %s", want, what(n))
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(n.Value)
		return
	}
	if err := n.Decode(v.Addr().Interface()); err != nil {
		d.fail(n, path, "want %s", want)
	}
}

func what(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!null":
		return "nothing"
	}
	return fmt.Sprintf("%.40q", n.Value)
}

// field is a field of a struct.
type field struct {
	name     string
	required bool
	index    int
}

func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" {
			all = append(all, field{name, option == "required", i})
		}
	}
	return all
}

func (d *decoding) object(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, and this is %s", what(n))
		return
	}
	fields := fieldsOf(v.Type())
	for i := range v.NumField() {
		if v.Type().Field(i).Type == posType {
			v.Field(i).Set(reflect.ValueOf(Pos{n.Line, n.Column}))
		}
	}
	seen := map[string]bool{}
	for name, value := range d.pairs(n, path) {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == name.Value })
		if at < 0 {
			d.fail(name, join(path, name.Value), "there is no such field; there are %s", names(fields))
			continue
		}
		seen[name.Value] = true
		d.value(value, v.Field(fields[at].index), join(path, name.Value))
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			d.fail(n, join(path, f.name), "it is required")
		}
	}
}

func names(fields []field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	return strings.Join(all, ", ")
}

// pairs are the names and values of a mapping. It refuses names that are no strings, and repeated
// ones.
func (d *decoding) pairs(n *yaml.Node, path string) func(yield func(name, value *yaml.Node) bool) {
	return func(yield func(name, value *yaml.Node) bool) {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			if name.Kind == yaml.AliasNode {
				name = name.Alias
			}
			switch {
			case name.Kind != yaml.ScalarNode || name.ShortTag() == "!!merge":
				d.fail(name, path, "a name must be a string")
				continue
			case seen[name.Value]:
				d.fail(name, join(path, name.Value), "it is there twice")
				continue
			}
			seen[name.Value] = true
			if !yield(name, n.Content[i+1]) {
				return
			}
		}
	}
}

func (d *decoding) members(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, and this is %s", what(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for name, value := range d.pairs(n, path) {
		member := reflect.New(v.Type().Elem()).Elem()
		d.value(value, member, join(path, name.Value))
		v.SetMapIndex(reflect.ValueOf(name.Value), member)
	}
}

func (d *decoding) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, and this is %s", what(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		d.value(element, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

// plain reads any value in the form of encoding/json, with json.Number for numbers.
func (d *decoding) plain(n *yaml.Node, path string) any {
	d.depth++
	defer func() { d.depth-- }()
	if d.depth > maxDepth {
		d.fail(n, path, "it is more than %d levels deep", maxDepth)
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return d.plain(n.Alias, path)
	case yaml.MappingNode:
		object := map[string]any{}
		for name, value := range d.pairs(n, path) {
			object[name.Value] = d.plain(value, join(path, name.Value))
		}
		return object
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, element := range n.Content {
			list[i] = d.plain(element, fmt.Sprintf("%s[%d]", path, i))
		}
		return list
	}
	return d.plainScalar(n, path)
}

func (d *decoding) plainScalar(n *yaml.Node, path string) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		d.fail(n, path, "JSON has no number %s", n.Value)
		return nil
	case "!!str", "!!timestamp":
		return n.Value
	}
	d.fail(n, path, "JSON has no value of the type %s", n.ShortTag())
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
