// SPDX-License-Identifier: Apache-2.0

// Command fields writes the reference of RealtimeService's fields, docs/reference/fields.md, from
// the generated CRD:
//
//	go run ./hack/docs/fields config/crd/bases/realtime-operator.io_realtimeservices.yaml \
//		>docs/reference/fields.md
//
// It reads the CRD rather than the Go types, since the CRD has everything that the API server
// applies: defaults, bounds and validation rules, of the types of other packages too.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/hack/docs/kubernetes"
)

type schema = apiextensionsv1.JSONSchemaProps

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fields:", err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	if len(args) != 1 {
		return errors.New("name the file with the CRD")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read the CRD: %w", err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		return fmt.Errorf("parse the CRD: %w", err)
	}
	page, err := reference(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, kubernetes.Types())
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, page)
	return err
}

const intro = `<!-- make generate writes this page. Change the comments and markers in api/v1alpha1 instead. -->
# Fields of RealtimeService

Each object has a section, and each of its fields a row. The API server and ` + "`realtime dev`" + ` check the
bounds, and the rules below a table, which are in [CEL](https://cel.dev). [The manifest](manifest.md)
shows how the fields work together, and which changes replace the gateways.

A quantity is written as in Kubernetes (` + "`4Mi`, `1M`" + `), a duration as in Go (` + "`25s`, `1m30s`" + `).
`

// reference is the page: a section for spec and one for each object in it, and the same for status.
// elsewhere has the fields that are documented elsewhere.
func reference(root *schema, elsewhere map[string]kubernetes.Type) (string, error) {
	p := page{sections: map[string]string{}, elsewhere: elsewhere, unused: maps.Clone(elsewhere)}
	p.text.WriteString(intro)
	fmt.Fprintf(&p.text, "\n## RealtimeService\n\n%s\n", escape(oneLine(root.Description)))
	p.rules(root)
	for _, name := range []string{"spec", "status"} {
		child := root.Properties[name]
		p.section(name, &child, child.Description)
	}
	for path := range p.unused {
		return "", fmt.Errorf("the CRD has no field %s: correct the table of Kubernetes' types", path)
	}
	return p.text.String(), nil
}

// aliases are short names of objects that are deep within others, or in several places.
var aliases = map[string]string{
	"spec.namespaces[].handlers[]": "Handler",
	"Handler.do[]":                 "Action",
	"spec.namespaces[].rooms[]":    "Room",
}

// first are fields whose objects are described before those of others.
var first = []string{"namespaces"}

type page struct {
	text strings.Builder
	// sections are the paths of objects that have a section, by their schema: one that is in two
	// places has one.
	sections  map[string]string
	elsewhere map[string]kubernetes.Type
	// unused are the entries of elsewhere that no field has had yet.
	unused map[string]kubernetes.Type
}

// section writes the section of an object, and those of the objects in it.
func (p *page) section(path string, s *schema, description string) {
	fmt.Fprintf(&p.text, "\n## %s\n\n", path)
	if description != "" {
		fmt.Fprintf(&p.text, "%s\n\n", escape(oneLine(description)))
	}
	p.text.WriteString("| field | type | default | bounds | description |\n|---|---|---|---|---|\n")
	var objects []object
	for _, name := range inOrder(s.Properties) {
		field := s.Properties[name]
		fieldPath := path + "." + name
		typeName := p.typeName(fieldPath, &field)
		if typeName == "" {
			inner, isNew := p.object(fieldPath, &field)
			if isNew {
				objects = append(objects, inner)
			}
			typeName = inner.link(field.Type)
		}
		fmt.Fprintf(&p.text, "| `%s` | %s | %s | %s | %s |\n",
			name, typeName, defaultOf(s, name, &field), cell(bounds(&field)), cell(escape(oneLine(field.Description))))
	}
	p.rules(s)
	for _, o := range objects {
		p.section(o.path, o.schema, o.description)
	}
}

// inOrder are the names of fields by the alphabet, but for those in first.
func inOrder(fields map[string]schema) []string {
	names := slices.Sorted(maps.Keys(fields))
	slices.SortStableFunc(names, func(a, b string) int {
		switch isFirst := slices.Contains(first, a); {
		case isFirst == slices.Contains(first, b):
			return 0
		case isFirst:
			return -1
		}
		return 1
	})
	return names
}

// object is an object with a section of its own. The description is empty where it is that of the
// field.
type object struct {
	path        string
	schema      *schema
	description string
}

// object is what a field is, or is a list of; isNew is false if it has a section already.
func (p *page) object(path string, field *schema) (o object, isNew bool) {
	o = object{path: path, schema: field}
	if field.Type == "array" {
		o = object{path + "[]", field.Items.Schema, field.Items.Schema.Description}
	}
	if known, ok := p.sections[key(o.schema)]; ok {
		o.path = known
		return o, false
	}
	if alias, ok := aliases[o.path]; ok {
		o.path = alias
	}
	p.sections[key(o.schema)] = o.path
	return o, true
}

func (o object) link(fieldType string) string {
	link := fmt.Sprintf("[%s](#%s)", o.path, strings.ToLower(strings.NewReplacer(".", "", "[", "", "]", "").Replace(o.path)))
	if fieldType == "array" {
		return "list of " + link
	}
	return link
}

// rules writes what CEL demands of an object.
func (p *page) rules(s *schema) {
	if s.MinProperties != nil && s.MaxProperties != nil && *s.MinProperties == 1 && *s.MaxProperties == 1 {
		p.text.WriteString("\nExactly one of these fields is set.\n")
	}
	if len(s.XValidations) == 0 {
		return
	}
	p.text.WriteString("\nRules:\n\n")
	for _, rule := range s.XValidations {
		if rule.FieldPath != "" {
			fmt.Fprintf(&p.text, "- `%s`: %s.", strings.TrimPrefix(rule.FieldPath, "."), rule.Message)
		} else {
			fmt.Fprintf(&p.text, "- %s.", rule.Message)
		}
		fmt.Fprintf(&p.text, "\n  `%s`\n", rule.Rule)
	}
}

// typeName is a field's type; "" for an object that has a section of its own.
func (p *page) typeName(path string, s *schema) string {
	if t, ok := p.elsewhere[path]; ok {
		delete(p.unused, path)
		if s.Type == "array" {
			return "list of " + t.Link()
		}
		return t.Link()
	}
	return scalarName(s)
}

func scalarName(s *schema) string {
	switch {
	case s.XIntOrString && strings.Contains(s.Pattern, "[KMGTPE]i"):
		return "quantity"
	case s.XIntOrString:
		return "integer or string"
	case s.Type == "string" && slices.ContainsFunc(s.XValidations, func(r apiextensionsv1.ValidationRule) bool { return strings.HasPrefix(r.Rule, "duration(") }):
		return "duration"
	case s.Type == "array":
		if inner := scalarName(s.Items.Schema); inner != "" {
			return "list of " + inner + "s"
		}
		return ""
	case s.Type == "object" && s.AdditionalProperties != nil:
		return "map of " + scalarName(s.AdditionalProperties.Schema) + "s"
	case s.Type == "object":
		return ""
	}
	return s.Type
}

func defaultOf(parent *schema, name string, field *schema) string {
	switch {
	case slices.Contains(parent.Required, name) && field.Default == nil:
		return "required"
	case field.Default == nil && field.Type == "boolean" && !strings.Contains(field.Description, "If absent"):
		return "`false`"
	case field.Default == nil:
		return "–"
	}
	text := string(field.Default.Raw)
	var plain string
	if json.Unmarshal(field.Default.Raw, &plain) == nil {
		text = plain
	}
	return "`" + text + "`"
}

// bounds says what a field may be: as the API server checks it, in words.
func bounds(s *schema) string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	addRange(add, s.Minimum, s.Maximum, "")
	if scalarName(s) != "duration" {
		addRange(add, s.MinLength, s.MaxLength, " characters")
	}
	addRange(add, s.MinItems, s.MaxItems, " items")
	if s.AdditionalProperties != nil {
		addRange(add, s.MinProperties, s.MaxProperties, " entries")
	}
	if len(s.Enum) > 0 {
		var values []string
		for _, value := range s.Enum {
			values = append(values, "`"+strings.Trim(string(value.Raw), `"`)+"`")
		}
		add("%s", strings.Join(values, ", "))
	}
	if s.Pattern != "" && scalarName(s) != "quantity" && scalarName(s) != "duration" {
		add("matches `%s`", s.Pattern)
	}
	if s.XListType != nil && *s.XListType == "set" {
		add("no duplicates")
	}
	if len(s.XListMapKeys) > 0 {
		add("`%s` is unique", strings.Join(s.XListMapKeys, "`, `"))
	}
	if s.Type != "object" { // an object's rules are below its table
		for _, rule := range s.XValidations {
			switch bound, ok := strings.CutPrefix(rule.Message, "must be "); {
			case ok:
				add("%s", bound)
			case strings.Contains(rule.Rule, "oldSelf"):
				add("%s", rule.Message)
			default:
				add("refused if it %s", rule.Message)
			}
		}
	}
	if inner := innerOf(s); inner != nil && inner.Type != "object" {
		if each := bounds(inner); each != "" {
			add("each: %s", each)
		}
	}
	return strings.Join(all, "; ")
}

func innerOf(s *schema) *schema {
	switch {
	case s.Items != nil:
		return s.Items.Schema
	case s.AdditionalProperties != nil:
		return s.AdditionalProperties.Schema
	}
	return nil
}

func addRange[N int64 | float64](add func(string, ...any), least, most *N, unit string) {
	switch {
	case least != nil && most != nil:
		add("%s to %s%s", number(*least), number(*most), unit)
	case least != nil:
		add("at least %s%s", number(*least), unit)
	case most != nil:
		add("at most %s%s", number(*most), unit)
	}
}

// number writes a bound with commas between thousands.
func number[N int64 | float64](n N) string {
	digits := fmt.Sprintf("%d", int64(n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// inCode are the parts of a text that Markdown leaves alone.
var inCode = regexp.MustCompile("`[^`]*`")

// escape keeps a text from being read as Markdown or HTML.
func escape(text string) string {
	special := strings.NewReplacer("*", `\*`, "<", "&lt;", "_", `\_`)
	var b strings.Builder
	end := 0
	for _, span := range inCode.FindAllStringIndex(text, -1) {
		b.WriteString(special.Replace(text[end:span[0]]) + text[span[0]:span[1]])
		end = span[1]
	}
	b.WriteString(special.Replace(text[end:]))
	return b.String()
}

// cell escapes what would end a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// key reports whether two objects are the same.
func key(s *schema) string {
	inner := *s
	inner.Description = ""
	text, _ := json.Marshal(inner) // it was read from JSON
	return string(text)
}
