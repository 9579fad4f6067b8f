// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestAnEventThatCostsTooMuchFails(t *testing.T) {
	const failed = `[{"error":"the service could not handle the event"}]`
	many := "[" + commas(3000, quoted("u")) + "]"
	for _, tt := range []struct{ name, handlers, place, action string }{
		{"in a condition", `{event: e, when: "args[0].all(x, args[0].exists(y, y == x + '!') || true)", do: [{ack: "[1]"}]}`, "handlers[0]", "when"},
		{"in a condition with claims", `{event: e, when: "!has(socket.claims.x) && args[0].all(x, args[0].exists(y, y == x + '!') || true)", do: [{ack: "[1]"}]}`, "handlers[0]", "when"},
		{"in an answer", `{event: other}, {event: e, do: [{set: {a: "1"}}, {ack: "args[0].map(x, args[0])"}]}`, "handlers[1]", "do[1]"},
		{"in an emit's arguments", `{event: e, do: [{emit: {event: f, args: "['x', args[0].map(x, args[0])]"}}]}`, "handlers[0]", "do[0]"},
		{"in an emit's rooms", `{event: e, do: [{emit: {event: f, rooms: ["args[0].map(x, args[0]).flatten()"]}}]}`, "handlers[0]", "do[0]"},
		{"in a stored value", `{event: e, do: [{set: {a: "args[0].map(x, args[0])"}}]}`, "handlers[0]", "do[0]"},
		{"in several expressions together", `{event: e, do: [` + strings.Repeat(`{set: {a: "args[0].map(x, x + '!').size()"}}, `, 20) + `{ack: "[1]"}]}`, "handlers[0]", ""},
		{"in several handlers together", strings.Repeat(`{event: e, do: [{set: {a: "args[0].map(x, x + '!').size()"}}]}, `, 20) + `{event: f}`, "", "do[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			handlers := strings.ReplaceAll(strings.ReplaceAll(tt.handlers, "{event: other}", "{event: other, do: [{ack: '[]'}]}"), "{event: f}", "{event: f, do: [{ack: '[]'}]}")
			r, url := runtime(t, "  - name: /\n    handlers: ["+handlers+", {event: ok, do: [{ack: '[args[0]]'}]}]\n")
			var log strings.Builder
			r.log = slog.New(slog.NewTextHandler(&log, nil))
			c := connect(t, url)
			c.Send(`420["e",`+many+`]`, `421["ok",1]`)
			c.Expect(`430`+failed, `431[1]`)
			if tt.place != "" && tt.action != "" {
				if n := testutil.ToFloat64(r.limitHits.WithLabelValues("/", tt.place, tt.action)); n != 1 {
					t.Errorf("%v events of %s, %s are counted", n, tt.place, tt.action)
				}
			}
			if n := testutil.CollectAndCount(r.limitHits); n == 0 {
				t.Error("nothing is counted")
			}
			if !strings.Contains(log.String(), "more work than the 1000000 units") || !strings.Contains(log.String(), "handler=handlers[") {
				t.Errorf("the log does not say what is wrong, or where: %.500s", log.String())
			}
		})
	}
}

// everyday are expressions about two lists of a thousand strings.
var everyday = map[string]string{
	"args[0].exists(r, r == 'nobody')":                      "false",
	"args[0].all(r, r != 'nobody')":                         "true",
	"args[0].exists_one(r, r == 'room7')":                   "true",
	"args[0].filter(r, r.startsWith('room99'))":             `["room99","room990","room991","room992","room993","room994","room995","room996","room997","room998","room999"]`,
	"args[0].map(r, 'x' + r).size()":                        "1000",
	"args[0].filter(r, r in args[1]).size()":                "1000",
	"args[0].filter(r, !(r in args[1])).size()":             "0",
	"(args[0] + args[1]).distinct().size()":                 "1000",
	"sets.contains(args[0], args[1])":                       "true",
	"args[0].sort()[0]":                                     `"room0"`,
	"args[0].filter(r, r.matches('^room[0-9]{3}$')).size()": "900",
}

// These take 8 to 13 ns for a unit (BenchmarkEveryday): 150,000 units are less than 2 ms.
func TestEverydayExpressionsWithAThousandRoomsAreCheap(t *testing.T) {
	rooms := "[" + commas(1000, func(i int) string { return fmt.Sprintf(`"room%d"`, i) }) + "]"
	args := socketio.Args{JSON: []byte("[" + rooms + "," + rooms + "]")}
	for source, want := range everyday {
		value, err := expression.Compile(expression.Value, source)
		if err != nil {
			t.Fatal(err)
		}
		r := &run{Variables: eval.Variables{Args: args, Now: time.Now()}}
		v, err := r.Eval(value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := celvalue.Encode(v, &r.Budget)
		if err != nil || string(got.JSON) != want {
			t.Errorf("%s is %s (%v), want %s", source, got.JSON, err, want)
		}
		if units := r.Budget.Spent(); units > 150_000 {
			t.Errorf("%s costs %d units", source, units)
		}
	}
}

// docs/reference/expressions.md has this table.
func TestAnEventAffordsListsOfThisSize(t *testing.T) {
	for source, n := range map[string]int{
		"'x' in args[0]":                            75_000,
		"args[0].exists(x, x == 'x')":               30_000,
		"args[0].filter(x, x != 'x')":               18_000,
		"args[0].map(x, x + '!')":                   18_000,
		"args[0].distinct()":                        18_000,
		"args[0].sort()":                            8_000,
		"args[0].filter(x, x in args[1])":           7_000,
		"args[0].all(x, args[1].exists(y, x == y))": 250,
	} {
		list := "[" + commas(n, func(i int) string { return fmt.Sprintf(`"room%d"`, i) }) + "]"
		b, err := emitted(t, source, socketio.Args{JSON: []byte("[" + list + "," + list + "]")})
		if err != nil || b.Spent() < expression.WorkLimit/2 {
			t.Errorf("%s of %d costs %d units: %v", source, n, b.Spent(), err)
		}
	}
}

func TestASocketInAThousandRooms(t *testing.T) {
	_, url := runtime(t, `  - name: /
    handlers:
    - {event: join, do: [{join: "args[0]"}, {ack: "[socket.rooms.size()]"}]}
    - event: ask
      when: "!socket.rooms.exists(r, r == 'nobody')"
      do:
      - ack: "[args[0].map(a, a in socket.rooms), args[0].exists(a, socket.rooms.exists(r, r == a))]"
`)
	c := connect(t, url)
	c.Send(`420["join",[`+commas(999, func(i int) string { return fmt.Sprintf(`"room%d"`, i) })+`]]`, `421["ask",["room5","nobody","room998"]]`)
	c.Expect(`430[1000]`, `431[[true,false,true],true]`)
}

func TestRoomsOfALaterActionAreThoseOfThen(t *testing.T) {
	_, url := runtime(t, `  - name: /
    handlers:
    - event: e
      do: [{leave: "socket.rooms"}, {join: "[string(socket.rooms.size()), 'a']"}, {ack: "[socket.rooms.size()]"}]
`)
	c := connect(t, url)
	c.Send(`420["e"]`)
	c.Expect(`430[2]`)
}

func TestRulesForAHandshakeShareABudget(t *testing.T) {
	rule := `{expression: "request.query['q'].split('').filter(c, c == 'a').size() < 0 || true", message: "too much"}`
	r, _ := runtimeOf(t, specProgram(t, "  protocol: {admission: ["+strings.Repeat(rule+", ", 9)+rule+"]}\n  namespaces: [{name: /}]\n"))
	if err := r.AllowRequest(httptest.NewRequest("GET", path+"?q=aaa", nil)); err != nil {
		t.Error(err)
	}
	err := r.AllowRequest(httptest.NewRequest("GET", path+"?q="+strings.Repeat("a", 5000), nil))
	if err == nil || err.Error() != "too much" {
		t.Errorf("error %v", err)
	}
	if n := testutil.CollectAndCount(r.limitHits); n != 1 {
		t.Errorf("%d rules are counted", n)
	}
}

func TestPresenceInfoHasASmallBudget(t *testing.T) {
	r, url := runtime(t, `  - name: /
    rooms:
    - {name: lobby, autoJoin: true}
    - {name: desk, presence: true, autoJoin: true, presenceInfo: "has(socket.data.k) ? dyn(socket.data.k.map(x, x in socket.data.k)) : null"}
    handlers: [{event: e, do: [{set: {k: "args[0]"}}]}]
`)
	c, id := wiretest.Connect(t, url, path, "/")
	known := people{}
	known.hear(t, c, people{id: ""})
	c.Send(`42["e",[1,2]]`)
	known.hear(t, c, people{id: "[true,true]"})
	c.Send(`42["e",[` + commas(3000, quoted("a")) + `]]`)
	known.hear(t, c, people{id: ""})
	if n := testutil.ToFloat64(r.limitHits.WithLabelValues("/", "rooms[1]", "presenceInfo")); n != 1 {
		t.Errorf("%v are counted", n)
	}
}

func BenchmarkEveryday(b *testing.B) {
	rooms := "[" + commas(1000, func(i int) string { return fmt.Sprintf(`"room%d"`, i) }) + "]"
	for source := range everyday {
		benchmarkWork(b, source, source, "["+rooms+","+rooms+"]")
	}
}
