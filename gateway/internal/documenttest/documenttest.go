// SPDX-License-Identifier: Apache-2.0

// Package documenttest makes random JSON for tests that want it to keep its bytes: numbers that no
// double holds, strings with escapes, equal names, placeholders.
package documenttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Document is a random list of arguments with the ways to its parts.
type Document struct {
	*rand.Rand
	raw   strings.Builder
	parts []Part
	// binary makes placeholders, in order; attachments is how many.
	binary      bool
	attachments int
}

// Part is a value in a document, by the CEL expression that leads there.
type Part struct{ Path, Raw string }

var (
	numbers = []string{
		"0", "-0", "1", "-1", "7.25", "1.0", "1.50", "-0.0", "1e3", "1E+3", "1e-7", "0.000001", "1e400", "-1e400", "1e-400", "123456789012345678",
		"9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "1297012345678901234", "9223372036854775807", "9223372036854775808",
		"18446744073709551615", "18446744073709551616", "123456789012345678901234567890", "0.1234567890123456789", "3.141592653589793238462643383279",
	}
	texts = []string{
		`""`, `"plain"`, `"<&>"`, `"\u0041"`, `"caf\u00e9 \u8336"`, `"café 茶"`, `"\/path\/"`, `"\"quoted\" \\ \b\f\n\r\t"`, `"\ud83d\ude00 😀"`, `"\ud800"`,
		"\"\u2028 \u2029\"", `"\u2028"`, `"_placeholder"`, `"{\"_placeholder\":true}"`, "\"\x7f\"", `"[1,{}]"`, `"it's"`,
	}
	keys   = []string{`"id"`, `"a"`, `"b"`, `"\u0069d"`, `""`, `"\"'\\"`, `"caf\u00e9"`, `"_placeholder"`, `"num"`, `"x y"`}
	spaces = []string{"", "", "", " ", "\n\t"}
)

func (d *Document) pick(of []string) string { return of[d.IntN(len(of))] }
func (d *Document) space()                  { d.raw.WriteString(d.pick(spaces)) }

// value writes a value to which path leads. An empty path is one that does not.
func (d *Document) value(path string, depth int) {
	start := d.raw.Len()
	switch n := d.IntN(10); {
	case d.binary && d.attachments < 5 && n == 0:
		fmt.Fprintf(&d.raw, `{"_placeholder":true,"num":%d}`, d.attachments)
		d.attachments++
	case depth > 0 && n <= 3:
		d.list(path, depth)
	case depth > 0 && n <= 6:
		d.object(path, depth)
	case n <= 7:
		d.raw.WriteString(d.pick(texts))
	case n <= 8:
		d.raw.WriteString(d.pick([]string{"true", "false", "null"}))
	default:
		d.raw.WriteString(d.pick(numbers))
	}
	if path != "" {
		d.parts = append(d.parts, Part{path, d.raw.String()[start:]})
	}
}

func (d *Document) list(path string, depth int) {
	d.raw.WriteByte('[')
	for i := range d.IntN(5) {
		if i > 0 {
			d.raw.WriteByte(',')
		}
		d.space()
		d.value(indexed(path, strconv.Itoa(i)), depth-1)
		d.space()
	}
	d.raw.WriteByte(']')
}

func (d *Document) object(path string, depth int) {
	names := make([]string, d.IntN(5))
	last := map[string]int{}
	for i := range names {
		names[i] = d.pick(keys)
		last[unquote(names[i])] = i
	}
	d.raw.WriteByte('{')
	for i, raw := range names {
		if i > 0 {
			d.raw.WriteByte(',')
		}
		d.space()
		d.raw.WriteString(raw)
		d.space()
		d.raw.WriteByte(':')
		d.space()
		name, member := unquote(raw), ""
		if last[name] == i { // which counts, of equal names
			member = indexed(path, strconv.Quote(name))
		}
		if name == "_placeholder" {
			d.raw.WriteString("1") // true would make the object another one
		} else {
			d.value(member, depth-1)
		}
		d.space()
	}
	d.raw.WriteByte('}')
}

func indexed(path, index string) string {
	if path == "" {
		return ""
	}
	return path + "[" + index + "]"
}

// New makes a document. The same seed makes the same one; binary gives it attachments.
func New(seed uint64, binary bool) *Document {
	d := &Document{Rand: rand.New(rand.NewPCG(seed, 0)), binary: binary}
	d.raw.WriteByte('[')
	for i := range 1 + d.IntN(3) {
		if i > 0 {
			d.raw.WriteByte(',')
		}
		d.space()
		d.value(fmt.Sprintf("args[%d]", i), d.IntN(6))
		d.space()
	}
	d.raw.WriteByte(']')
	d.parts = append(d.parts, Part{"args", d.raw.String()})
	return d
}

// Part is one of the parts, at random.
func (d *Document) Part() Part { return d.parts[d.IntN(len(d.parts))] }

// Raw is the document.
func (d *Document) Raw() string { return d.raw.String() }

// Args are the arguments that the document is.
func (d *Document) Args() socketio.Args {
	a := socketio.Args{JSON: []byte(d.raw.String())}
	for i := range d.attachments {
		a.Attachments = append(a.Attachments, []byte{byte(i)})
	}
	return a
}

var aPlaceholder = regexp.MustCompile(`\{"_placeholder":true,"num":(\d+)\}`)

// Relayed is what a client receives that is sent JSON: the attachments are numbered as they come.
func Relayed(raw string) (string, [][]byte) {
	var attachments [][]byte
	raw = aPlaceholder.ReplaceAllStringFunc(raw, func(p string) string {
		num, _ := strconv.Atoi(aPlaceholder.FindStringSubmatch(p)[1])
		attachments = append(attachments, []byte{byte(num)})
		return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, len(attachments)-1)
	})
	return raw, attachments
}

func unquote(raw string) (text string) {
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		panic(err) // of the package's own names
	}
	return text
}
