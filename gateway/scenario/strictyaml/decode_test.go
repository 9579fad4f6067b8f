// SPDX-License-Identifier: Apache-2.0

package strictyaml

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// all has a field of each type.
type all struct {
	Pos
	Text     string           `yaml:"text,required"`
	Number   int              `yaml:"number"`
	Is       *bool            `yaml:"is"`
	Time     time.Duration    `yaml:"time"`
	List     []*all           `yaml:"list" doc:"More of it."`
	Map      map[string]*all  `yaml:"map"`
	Plain    any              `yaml:"plain"`
	Plains   map[string]any   `yaml:"plains"`
	internal map[string]error //nolint:unused // no field of a file
}

func TestDecode(t *testing.T) {
	var got all
	err := Decode(strings.NewReader(`
text: 2030-01-01
number: -7
is: true
time: 1m30s
list: [&one {text: one}, *one]
map: {a b: {text: "no"}}
plain: [1, 1.50, 9007199254740993, "1", true, null, 2030-01-01, {a: {b: []}}]
plains: {x: *one}
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	yes, one := true, &all{Pos: Pos{6, 8}, Text: "one"}
	want := all{
		Pos: Pos{2, 1}, Text: "2030-01-01", Number: -7, Is: &yes, Time: 90 * time.Second,
		List: []*all{one, one},
		Map:  map[string]*all{"a b": {Pos: Pos{7, 12}, Text: "no"}},
		Plain: []any{
			json.Number("1"), json.Number("1.50"), json.Number("9007199254740993"), "1", true, nil, "2030-01-01",
			map[string]any{"a": map[string]any{"b": []any{}}},
		},
		Plains: map[string]any{"x": map[string]any{"text": "one"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(all{})); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesHaveTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"text: a\nlist: &l [{text: b, list: *l}]":        "2:18: list" + strings.Repeat("[0].list", 20) + "[0].text: it is more than 64 levels deep",
		"<<: {text: a}\ntext: b":                         "1:1: a name must be a string",
		"{1: a, text: b}":                                "1:2: 1: there is no such field; there are text, number, is, time, list, map, plain, plains",
		"text: b\nplain: !!binary aGk=":                  "2:8: plain: JSON has no value of the type !!binary",
		"text: b\nplain: 0o7":                            "2:8: plain: JSON has no number 0o7",
		"text: b\nplain: {a: 1, a: 2}":                   "2:15: plain.a: it is there twice",
		"text: [b":                                       "1:1: line 1: did not find expected",
		"text: b\nis: yes\ntime: 5\nnumber: 1.5\nmap: a": "2:5: is: want true or false, and this is \"yes\"\n3:7: time: want a duration such as 500ms, 30s or 5m\n4:9: number: want an integer, and this is \"1.5\"\n5:6: map: want a mapping, and this is \"a\"",
		"number: 99999999999999999999\ntext: null":       "1:9: number: want an integer",
	} {
		err := Decode(strings.NewReader(text), &all{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant\n%s", text, err, want)
		}
	}
	beside := "text: a\nplain: [" + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + ", 1]"
	if err := Decode(strings.NewReader(beside), &all{}); err == nil || strings.Count(err.Error(), "\n") != 0 {
		t.Errorf("what is beside something deep: %v", err)
	}
	deep := "text: a\nplain: " + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if err := Decode(strings.NewReader(deep), &all{}); err == nil || !strings.Contains(err.Error(), "more than 64 levels deep") {
		t.Errorf("deep: %v", err)
	}
}

func TestSchema(t *testing.T) {
	schema := Schema(all{})
	text, err := json.Marshal(schema["$defs"])
	if err != nil {
		t.Fatal(err)
	}
	ref := `{"$ref":"#/$defs/all"}`
	want := `{"all":{"additionalProperties":false,"properties":{"is":{"type":"boolean"},` +
		`"list":{"description":"More of it.","items":` + ref + `,"type":"array"},"map":{"additionalProperties":` + ref + `,"type":"object"},` +
		`"number":{"type":"integer"},"plain":{},"plains":{"additionalProperties":{},"type":"object"},"text":{"type":"string"},` +
		`"time":{"pattern":"^([0-9.]+(ns|us|µs|ms|s|m|h))+$","type":"string"}},"required":["text"],"type":"object"}}`
	if string(text) != want || schema["$ref"] != "#/$defs/all" {
		t.Errorf("schema %s\nwant %s", text, want)
	}
}
