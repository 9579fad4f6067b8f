// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/documenttest"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

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
		d := documenttest.New(seed, seed%2 == 1)
		part := d.Part()
		for i := range 3 { // of all: most of the time goes into compiling them
			source := sources[(3*int(seed)+i)%len(sources)]
			want, attachments := documenttest.Relayed(strings.ReplaceAll(relays[source], "P", part.Raw))
			source = strings.ReplaceAll(source, "P", part.Path)
			if len(attachments) > socketio.MaxAttachments {
				continue
			}
			r := &Variables{Name: "e", Args: d.Args(), Now: time.Now()}
			expectArgs(t, r, source, want, attachments)
		}
	}
}

// expectArgs wants what a template and what CEL alone make of an expression.
func expectArgs(t *testing.T, r *Variables, source, want string, attachments [][]byte) {
	t.Helper()
	list, err := CompileTemplate(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	for name, evaluate := range map[string]func() (socketio.Args, error){
		"the template": func() (socketio.Args, error) { return r.List(list) },
		"CEL":          func() (socketio.Args, error) { return r.listByProgram(list.program) },
	} {
		got, err := evaluate()
		if err != nil {
			t.Fatalf("%s of %s: %v", source, r.Args.JSON, err)
		}
		if string(got.JSON) != want {
			t.Fatalf("%s makes of %s by %s\n%s, want\n%s", name, r.Args.JSON, source, got.JSON, want)
		}
		if diff := cmp.Diff(attachments, got.Attachments); diff != "" {
			t.Fatalf("%s of %s has attachments (-want +got):\n%s", source, r.Args.JSON, diff)
		}
	}
}

// Data that is set, and then stored and read by another gateway.
func TestDataKeepTheirBytes(t *testing.T) {
	for seed := range uint64(100) {
		d := documenttest.New(seed, seed%2 == 1)
		part := d.Part()
		want, attachments := documenttest.Relayed("[" + part.Raw + "]")
		r := &Variables{Name: "e", Args: d.Args(), Now: time.Now()}
		list, err := CompileTemplate("[" + part.Path + "]")
		if err != nil {
			t.Fatal(err)
		}
		evaluated, err := r.Eval(list.program)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := celvalue.Keep(evaluated.(traits.Lister).Get(types.IntZero), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Data = r.Data.With([]string{"v"}, []ref.Val{kept})
		expectArgs(t, r, "[socket.data.v]", want, attachments)
		stored, err := celvalue.EncodeData(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		read, err := celvalue.DecodeData(stored)
		if err != nil {
			t.Fatal(err)
		}
		r.Data = read.(*celvalue.Data)
		expectArgs(t, r, "[socket.data.v]", want, attachments)
	}
}

// A relayed value computes as a double, and compares exactly where it is an integer.
func TestRelayedValuesCompute(t *testing.T) {
	const big, other = "9007199254740993", "9007199254740992"
	args := `[` + big + `,` + other + `,1.0,"\u0061b",[1.0,` + big + `],{"\u0069d":` + big + `,"n":[1.50]},1297012345678901234,1e400,18446744073709551615,123456789012345678901234,-0]`
	r := &Variables{Name: "e", Args: socketio.Args{JSON: []byte(args)}, Now: time.Now()}
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
	r := &Variables{Args: socketio.Args{JSON: []byte(`["a\u0062",["\u0078","y"],1234567]`)}}
	for source, want := range map[string][]string{
		"true ? args[0] : ''": {"ab"}, "[args[0]]": {"ab"}, "args[1].filter(x, true)": {"x", "y"}, "'order-' + string(args[2])": {"order-1234567"},
	} {
		names, err := CompileRoomNames(source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Rooms(names)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
}
