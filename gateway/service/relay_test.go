// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// document is random JSON with the ways to its parts.
type document struct {
	*rand.Rand
	raw   strings.Builder
	parts []documentPart
	// binary makes placeholders, in order; attachments is how many.
	binary      bool
	attachments int
}

// documentPart is a value in a document, by the CEL expression that leads there.
type documentPart struct{ path, raw string }

var (
	documentNumbers = []string{
		"0", "-0", "1", "-1", "7.25", "1.0", "1.50", "-0.0", "1e3", "1E+3", "1e-7", "0.000001", "1e400", "-1e400", "1e-400", "123456789012345678",
		"9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "1297012345678901234", "9223372036854775807", "9223372036854775808",
		"18446744073709551615", "18446744073709551616", "123456789012345678901234567890", "0.1234567890123456789", "3.141592653589793238462643383279",
	}
	documentStrings = []string{
		`""`, `"plain"`, `"<&>"`, `"\u0041"`, `"caf\u00e9 \u8336"`, `"café 茶"`, `"\/path\/"`, `"\"quoted\" \\ \b\f\n\r\t"`, `"\ud83d\ude00 😀"`, `"\ud800"`,
		"\"\u2028 \u2029\"", `"\u2028"`, `"_placeholder"`, `"{\"_placeholder\":true}"`, "\"\x7f\"", `"[1,{}]"`, `"it's"`,
	}
	documentNames  = []string{`"id"`, `"a"`, `"b"`, `"\u0069d"`, `""`, `"\"'\\"`, `"caf\u00e9"`, `"_placeholder"`, `"num"`, `"x y"`}
	documentSpaces = []string{"", "", "", " ", "\n\t"}
)

func (d *document) pick(of []string) string { return of[d.IntN(len(of))] }
func (d *document) space()                  { d.raw.WriteString(d.pick(documentSpaces)) }

// value writes a value to which path leads. An empty path is one that does not.
func (d *document) value(path string, depth int) {
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
		d.raw.WriteString(d.pick(documentStrings))
	case n <= 8:
		d.raw.WriteString(d.pick([]string{"true", "false", "null"}))
	default:
		d.raw.WriteString(d.pick(documentNumbers))
	}
	if path != "" {
		d.parts = append(d.parts, documentPart{path, d.raw.String()[start:]})
	}
}

func (d *document) list(path string, depth int) {
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

func (d *document) object(path string, depth int) {
	names := make([]string, d.IntN(5))
	last := map[string]int{}
	for i := range names {
		names[i] = d.pick(documentNames)
		last[celvalue.Unquote([]byte(names[i]))] = i
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
		name, member := celvalue.Unquote([]byte(raw)), ""
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

// newDocument makes a list of arguments.
func newDocument(seed uint64, binary bool) *document {
	d := &document{Rand: rand.New(rand.NewPCG(seed, 0)), binary: binary}
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
	d.parts = append(d.parts, documentPart{"args", d.raw.String()})
	return d
}

// args are the arguments that the document is.
func (d *document) args() socketio.Args {
	a := socketio.Args{JSON: []byte(d.raw.String())}
	for i := range d.attachments {
		a.Attachments = append(a.Attachments, []byte{byte(i)})
	}
	return a
}

var aPlaceholder = regexp.MustCompile(`\{"_placeholder":true,"num":(\d+)\}`)

// relayed is what a client receives that is sent JSON: the attachments are numbered as they come.
func relayed(raw string) (string, [][]byte) {
	var attachments [][]byte
	raw = aPlaceholder.ReplaceAllStringFunc(raw, func(p string) string {
		num, _ := strconv.Atoi(aPlaceholder.FindStringSubmatch(p)[1])
		attachments = append(attachments, []byte{byte(num)})
		return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, len(attachments)-1)
	})
	return raw, attachments
}

// relays are expressions that pass on P, and what becomes of its JSON.
var relays = map[string]string{
	"[P]":                      "[P]",
	"[P, P]":                   "[P,P]",
	"[{'v': P}]":               `[{"v":P}]`,
	"[[1, {'a': {'b': [P]}}]]": `[[1,{"a":{"b":[P]}}]]`,
	"[true ? dyn(P) : 1]":      "[P]",
	"[args.size() > 99 ? dyn(event) : dyn(P)]": "[P]",
	"[{'k': P}.k]":                      "[P]",
	"[{'k': P}['k']]":                   "[P]",
	"[[P, 1][0]]":                       "[P]",
	"[P].map(x, x)":                     "[P]",
	"[P].map(x, true, x)":               "[P]",
	"[P].filter(x, true)":               "[P]",
	"[P].map(x, {'v': [x]})":            `[{"v":[P]}]`,
	"[P] + [P]":                         "[P,P]",
	"[dyn(1), P, dyn('x')].slice(1, 2)": "[P]",
	"[dyn(1), P].reverse()":             "[P,1]",
	"[[P], [P]].flatten()":              "[P,P]",
	"[P, P].distinct()":                 "[P]",
	"[[P], [P]].distinct()":             "[[P]]",
	"[dyn(P)]":                          "[P]",
	"[P == P ? dyn(P) : null]":          "[P]",
	"[P in [P] ? dyn(P) : null]":        "[P]",
	"[{'n': 1, 'v': P}].sortBy(x, x.n)": `[{"n":1,"v":P}]`,
	"[P].sortBy(x, 0)":                  "[P]",
}

func TestWhatIsPassedOnKeepsItsBytes(t *testing.T) {
	sources := slices.Sorted(maps.Keys(relays))
	for seed := range uint64(200) {
		d := newDocument(seed, seed%2 == 1)
		part := d.parts[d.IntN(len(d.parts))]
		for i := range 3 { // of all: most of the time goes into compiling them
			source := sources[(3*int(seed)+i)%len(sources)]
			want, attachments := relayed(strings.ReplaceAll(relays[source], "P", part.raw))
			source = strings.ReplaceAll(source, "P", part.path)
			if len(attachments) > socketio.MaxAttachments {
				continue
			}
			r := &run{variables: variables{name: "e", args: d.args(), now: time.Now()}}
			expectArgs(t, r, source, want, attachments)
		}
	}
}

// expectArgs wants what a template and what CEL alone make of an expression.
func expectArgs(t *testing.T, r *run, source, want string, attachments [][]byte) {
	t.Helper()
	list, err := compileTemplate(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	for name, evaluate := range map[string]func() (socketio.Args, error){
		"the template": func() (socketio.Args, error) { return r.list(list) },
		"CEL":          func() (socketio.Args, error) { return r.listByProgram(list.program) },
	} {
		got, err := evaluate()
		if err != nil {
			t.Fatalf("%s of %s: %v", source, r.args.JSON, err)
		}
		if string(got.JSON) != want {
			t.Fatalf("%s makes of %s by %s\n%s, want\n%s", name, r.args.JSON, source, got.JSON, want)
		}
		if diff := cmp.Diff(attachments, got.Attachments); diff != "" {
			t.Fatalf("%s of %s has attachments (-want +got):\n%s", source, r.args.JSON, diff)
		}
	}
}

// Data that is set, and then stored and read by another gateway.
func TestDataKeepTheirBytes(t *testing.T) {
	for seed := range uint64(100) {
		d := newDocument(seed, seed%2 == 1)
		part := d.parts[d.IntN(len(d.parts))]
		want, attachments := relayed("[" + part.raw + "]")
		r := &run{variables: variables{name: "e", args: d.args(), now: time.Now()}}
		list, err := compileTemplate("[" + part.path + "]")
		if err != nil {
			t.Fatal(err)
		}
		evaluated, err := r.eval(list.program)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := celvalue.Keep(evaluated.(traits.Lister).Get(types.IntZero), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.data = r.data.With([]string{"v"}, []ref.Val{kept})
		expectArgs(t, r, "[socket.data.v]", want, attachments)
		stored, err := celvalue.EncodeData(r.data)
		if err != nil {
			t.Fatal(err)
		}
		read, err := celvalue.DecodeData(stored)
		if err != nil {
			t.Fatal(err)
		}
		r.data = read.(*celvalue.Data)
		expectArgs(t, r, "[socket.data.v]", want, attachments)
	}
}

func TestHistoryKeepsBytes(t *testing.T) {
	for seed := range uint64(200) {
		d := newDocument(seed, seed%2 == 1)
		want, attachments := relayed(d.raw.String())
		page, err := celvalue.Encode(historyPage("room", []socketio.PastEvent{{Event: "e", Args: d.args(), Revision: 1, Time: time.UnixMilli(0)}}, 10), nil)
		if err != nil {
			t.Fatal(err)
		}
		want = `{"events":[{"args":` + want + `,"event":"e","revision":1,"time":"1970-01-01T00:00:00.000Z"}],"next":null,"room":"room"}`
		if string(page.JSON) != want {
			t.Fatalf("history is\n%s, want\n%s", page.JSON, want)
		}
		if diff := cmp.Diff(attachments, page.Attachments); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestPublicationsKeepBytes(t *testing.T) {
	for seed := range uint64(200) {
		d := newDocument(seed, false)
		p, err := parsePublication([]byte(`{"event":"e","args":`+d.raw.String()+`}`), "/")
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(d.raw.String())); err != nil {
			t.Fatal(err)
		}
		if string(p.args.JSON) != want.String() {
			t.Fatalf("published are %s, want %s", p.args.JSON, &want)
		}
	}
}

// A relayed value computes as a double, and compares exactly where it is an integer.
func TestRelayedValuesCompute(t *testing.T) {
	const big, other = "9007199254740993", "9007199254740992"
	args := `[` + big + `,` + other + `,1.0,"\u0061b",[1.0,` + big + `],{"\u0069d":` + big + `,"n":[1.50]},1297012345678901234,1e400,18446744073709551615,123456789012345678901234,-0]`
	r := &run{variables: variables{name: "e", args: socketio.Args{JSON: []byte(args)}, now: time.Now()}}
	for source, want := range map[string]string{
		"args[0] + 1.0":                                      "9007199254740992",
		"1.0 + args[2]":                                      "2",
		"-args[2]":                                           "-1",
		"args[2] * 2.0 - args[2] / args[2]":                  "1",
		"math.greatest(args[2], 0.5)":                        "1",
		"math.greatest(args[0], args[1])":                    big,
		"math.least(args[4])":                                "1",
		"args[3] + 'c'":                                      `"abc"`,
		"'c' + args[3]":                                      `"cab"`,
		"args[3].upperAscii()":                               `"AB"`,
		"args[3].size() + size(args[4])":                     "4",
		"args[3].matches('^a')":                              "true",
		"['x', args[3]].join('-')":                           `"x-ab"`,
		"base64.encode(bytes(args[3]))":                      `"YWI="`,
		"'%s %s %d'.format([args[3], args[2], args[0]])":     `"ab 1 ` + big + `"`,
		"args[0] == args[1]":                                 "false",
		"args[0] == " + big:                                  "true",
		"args[0] == " + other:                                "false",
		"args[1] == " + other:                                "true",
		big + " == args[0]":                                  "true",
		"args[0] > args[1]":                                  "true",
		"args[0] in [args[1]]":                               "false",
		"args[0] in [" + other + "]":                         "false",
		"args[0] in [" + big + "]":                           "true",
		"args[0] in args[4]":                                 "true",
		"args[1] in args[4]":                                 "false",
		big + " in args[4]":                                  "true",
		"args[4] == [1, " + big + "]":                        "true",
		"[1, " + big + "] == args[4]":                        "true",
		"[args[2], args[0]] == args[4]":                      "true",
		"[args[2], args[1]] == args[4]":                      "false",
		"args[5] == {'id': " + big + ", 'n': [1.5]}":         "true",
		"{'id': args[0], 'n': [1.5]} == args[5]":             "true",
		"args[5] != args[5]":                                 "false",
		"sets.contains(args[4], [args[0]])":                  "true",
		"sets.contains(args[4], [args[1]])":                  "false",
		"args[2] == 1":                                       "true",
		"args[2] in [1, 2]":                                  "true",
		"args[3] in ['ab']":                                  "true",
		"args[3] == 'ab' && 'ab' == args[3]":                 "true",
		"args[3] in {'ab': 1}":                               "true",
		"{'ab': 7}[args[3]]":                                 "7",
		"{args[3]: 7}.ab":                                    "7",
		"{args[3]: args[0]}":                                 `{"ab":` + big + `}`,
		"[10, 20][args[2]]":                                  "20",
		"args[5].id":                                         big,
		"'id' in args[5] && has(args[5].id)":                 "true",
		"args[5].map(k, k)":                                  `["\u0069d","n"]`,
		"args[5].map(k, args[5][k])":                         "[" + big + ",[1.50]]",
		"args[5].exists(k, k == 'id')":                       "true",
		"size(args[5])":                                      "2",
		"[args[0], args[1], dyn(args[2])].sort()":            "[1.0," + other + "," + big + "]",
		"(args[4] + [1.0, 2.0]).distinct()":                  "[1.0," + big + ",2]",
		"['ab', args[3]].distinct()":                         `["ab"]`,
		"[args[0], args[2]].sortBy(x, x)":                    "[1.0," + big + "]",
		"args[4].map(x, x + 1.0)":                            "[2,9007199254740992]",
		"args[4].filter(x, x > 1)":                           "[" + big + "]",
		"type(args[0]) == double && type(args[3]) == string": "true",
		"string(args[0])":                                    `"` + big + `"`,
		"string(args[6])":                                    `"1297012345678901234"`,
		"string(args[9])":                                    `"123456789012345678901234"`,
		"string(args[2])":                                    `"1"`,
		"string(1234567.0)":                                  `"1234567"`,
		"string(1e21) + string(0.000001)":                    `"1e+210.000001"`,
		"string(args[7])":                                    `"Infinity"`,
		"string(args[10])":                                   `"0"`,
		"string(args[3])":                                    `"ab"`,
		"string(now) == string(now)":                         "true",
		"int(args[6])":                                       "1297012345678901234",
		"uint(args[8])":                                      "18446744073709551615",
		"int(args[2])":                                       "1",
		"args[7] > 1e300":                                    "true",
		"{1234567.0: 1}":                                     `{"1234567":1}`,
	} {
		expectArgs(t, r, "["+source+"]", "["+want+"]", nil)
	}
}

// The rooms that an escaped string names are those of its value.
func TestRoomsOfRelayedValues(t *testing.T) {
	r := &run{variables: variables{args: socketio.Args{JSON: []byte(`["a\u0062",["\u0078","y"],1234567]`)}}}
	for source, want := range map[string][]string{
		"true ? args[0] : ''": {"ab"}, "[args[0]]": {"ab"}, "args[1].filter(x, true)": {"x", "y"}, "'order-' + string(args[2])": {"order-1234567"},
	} {
		names, err := compileRoomNames(source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.rooms(names)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
}
