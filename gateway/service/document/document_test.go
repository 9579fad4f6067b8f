// SPDX-License-Identifier: Apache-2.0

package document

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestPublishRequest(t *testing.T) {
	for _, tt := range []struct {
		name, document, namespace string
		want                      Document
	}{
		{
			"all that can be said", `{"namespace": "/chat", "event": "e", "args": [1], "rooms": ["a"], "sockets": ["id"], "except": ["b"], "volatile": true, "compress": false}`, "",
			Document{
				Namespace: "/chat", Event: "e", Args: socketio.Args{JSON: []byte("[1]")},
				rooms: []string{"a", "id"}, except: []string{"b"}, volatile: true, uncompressed: true,
			},
		},
		{"the namespace of the URL", `{"event":"e"}`, "/", Document{Namespace: "/", Event: "e", Args: socketio.Args{JSON: []byte("[]")}}},
		{
			"order and numbers as they are", `{"event":"e","args":[ {"b":1.0,"a":12345678901234567890,"<":"\u2028"} ]}`, "/",
			Document{Namespace: "/", Event: "e", Args: socketio.Args{JSON: []byte(`[{"b":1.0,"a":12345678901234567890,"<":"\u2028"}]`)}},
		},
		{
			"nobody", `{"event":"e","rooms":[]}`, "/",
			Document{Namespace: "/", Event: "e", Args: socketio.Args{JSON: []byte("[]")}, rooms: []string{}},
		},
		{
			"no socket", `{"event":"e","sockets":[]}`, "/",
			Document{Namespace: "/", Event: "e", Args: socketio.Args{JSON: []byte("[]")}, rooms: []string{}},
		},
		{
			"users", `{"event":"e","users":["ada","bob"],"entry":"people"}`, "/",
			Document{
				Namespace: "/", Event: "e", Args: socketio.Args{JSON: []byte("[]")}, users: []string{"ada", "bob"}, entry: "people", rooms: []string{},
			},
		},
		{
			"binary data", `{"event":"e","args":[{"a":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":0}],"binary":["AAE=",""]}`, "/",
			Document{Namespace: "/", Event: "e", Args: socketio.Args{
				JSON: []byte(`[{"a":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{0, 1}, {}},
			}},
		},
		{
			"what looks like a placeholder where nothing is binary", `{"event":"e","args":[{"_placeholder":true,"num":9}]}`, "/",
			Document{Namespace: "/", Event: "e", Args: socketio.Args{JSON: []byte(`[{"_placeholder":true,"num":9}]`)}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.document), tt.namespace)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got, cmp.AllowUnexported(Document{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPublishRequestsThatAreRefused(t *testing.T) {
	many := `["` + strings.Repeat(`r","`, maxNames) + `r"]`
	for _, tt := range []struct{ name, document, want string }{
		{"nothing", ``, "not a JSON object"},
		{"a list", `[]`, "not a JSON object"},
		{"half of it", `{"event":"e"`, "not JSON"},
		{"a brace too many", `{"event":"e"}}`, "something behind"},
		{"a comma too many", `{"event":"e",}`, "not JSON"},
		{"two", `{"event":"e"}{}`, "something behind"},
		{"no UTF-8", "{\"event\":\"e\",\"args\":[\"\xff\"]}", "not UTF-8"},
		{"no event", `{"args":[]}`, `"event" is missing`},
		{"an empty event", `{"event":""}`, `"event" is missing`},
		{"a reserved event", `{"event":"disconnect"}`, `"disconnect" is a reserved event name`},
		{"an unknown field", `{"event":"e","user":["ada"]}`, `unknown field "user"`},
		{"users that are none", `{"event":"e","users":"ada"}`, `"users" must be a list of strings`},
		{"a user without a name", `{"event":"e","users":["ada",""]}`, `"users" has a name that is empty`},
		{"an entry of no users", `{"event":"e","entry":"people"}`, `"entry" is for "users"`},
		{"too many users", `{"event":"e","rooms":["a"],"users":` + strings.Replace(many, `"r",`, "", 1) + `}`, "more than 1000"},
		{"the room of a user", `{"event":"e","rooms":["a","\u0000user:b"]}`, "reserved for the rooms of users"},
		{"the room of a user for a socket", `{"event":"e","sockets":["\u0000user:b"]}`, "reserved for the rooms of users"},
		{"all but a user", `{"event":"e","except":["\u0000user:b"]}`, "reserved for the rooms of users"},
		{"a field spelled otherwise", `{"event":"e","Rooms":["a"]}`, `unknown field "Rooms"`},
		{"a field twice", `{"event":"e","rooms":["a"],"rooms":["b"]}`, `"rooms" is given twice`},
		{"a namespace beside that of the URL", `{"event":"e","namespace":"/"}`, "the URL names it"},
		{"null for rooms", `{"event":"e","rooms":null}`, `"rooms" is null`},
		{"a room that is none", `{"event":"e","rooms":["a",null]}`, `"rooms" must be a list of strings`},
		{"rooms that are none", `{"event":"e","rooms":"a"}`, `"rooms" must be a list of strings`},
		{"an event that is none", `{"event":1}`, `"event" must be a string`},
		{"a switch that is none", `{"event":"e","volatile":"yes"}`, `"volatile" must be a bool`},
		{"arguments that are no list", `{"event":"e","args":{}}`, `"args" must be a list`},
		{"too many rooms", `{"event":"e","rooms":` + many + `}`, "more than 1000"},
		{"too many exceptions", `{"event":"e","except":` + many + `}`, "more than 1000"},
		{"what is no base64", `{"event":"e","args":[],"binary":["-"]}`, `"binary"[0] is not base64`},
		{"too much binary", `{"event":"e","args":[],"binary":["","","","","","","","","","",""]}`, "11 pieces, clients take 10"},
		{"binary that nobody names", `{"event":"e","args":[],"binary":[""]}`, `0 placeholders for "binary"[0]`},
		{"binary that is named twice", `{"event":"e","args":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}],"binary":[""]}`, `2 placeholders`},
		{"a number beyond", `{"event":"e","args":[{"_placeholder":true,"num":1}],"binary":[""]}`, `no piece of "binary", which has 1: {"_placeholder":true,"num":1}`},
		{"half a number", `{"event":"e","args":[{"_placeholder":true,"num":0.5}],"binary":[""]}`, `no piece of "binary", which has 1: {"_placeholder":true,"num":0.5}`},
		{"no number", `{"event":"e","args":[{"a":[{"_placeholder":true}]}],"binary":[""]}`, `no piece of "binary", which has 1: {"_placeholder":true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.document), "/")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Parse([]byte(`{"event":"e"}`), ""); err == nil || !strings.Contains(err.Error(), `"namespace" is missing`) {
		t.Errorf("without a namespace: %v", err)
	}
}

func FuzzPublishRequest(f *testing.F) {
	for _, seed := range []string{
		`{"namespace":"/","event":"e","args":[{"_placeholder":true,"num":0}],"binary":["AAE="]}`, `{"event":"e","rooms":[],"compress":false}`, `{"event":"e"}{}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data, "")
		if err != nil {
			return
		}
		if p.Event == "" || p.Namespace == "" || p.Args.JSON[0] != '[' {
			t.Errorf("%q is accepted as %+v", data, p)
		}
	})
}
