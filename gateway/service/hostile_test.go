// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// hostileArgs are what a client may send in one event of maxPayload bytes.
var hostileArgs = map[string]func() string{
	"numbers": func() string { return `[[` + commas(30_000, func(i int) string { return fmt.Sprint(i) }) + `]]` },
	"digits":  func() string { return `[[` + commas(450_000, func(int) string { return "0" }) + `]]` },
	"large numbers": func() string {
		return `[[` + commas(40_000, func(i int) string { return fmt.Sprint(uint64(1)<<63 + uint64(i)) }) + `]]`
	},
	"strings": func() string {
		return `[[` + commas(40_000, func(i int) string { return fmt.Sprintf(`"u%07d"`, i) }) + `]]`
	},
	"two lists": func() string { return `[[` + commas(40_000, quoted("a")) + `],[` + commas(40_000, quoted("b")) + `]]` },
	"text":      func() string { return `["` + strings.Repeat("a", 900_000) + `","b"]` },
	"two texts": func() string {
		return `["` + strings.Repeat("a", 450_000) + `","` + strings.Repeat("a", 200_000) + `b"]`
	},
	"text and strings": func() string { return `["` + strings.Repeat("a", 400_000) + `",[` + commas(40_000, quoted("a")) + `]]` },
	"objects": func() string {
		return `[[` + commas(60_000, func(i int) string { return fmt.Sprintf(`{"i":%d}`, i) }) + `]]`
	},
	"members": func() string {
		return `[{` + commas(60_000, func(i int) string { return fmt.Sprintf(`"k%06d":%d`, i, i) }) + `}]`
	},
	"deep": func() string {
		return `[` + strings.Repeat(`[`, 500) + commas(200_000, func(int) string { return "1" }) + strings.Repeat(`]`, 500) + `]`
	},
	"deep and wide": func() string {
		return `[[` + commas(900, func(int) string { return strings.Repeat(`[`, 500) + strings.Repeat(`]`, 500) }) + `]]`
	},
	"pattern": func() string {
		return `["` + strings.Repeat("a", 400_000) + `","` + strings.Repeat("(a|b)?", 1_000) + `$"]`
	},
	"large pattern": func() string { return `["a","` + strings.Repeat("a{1000}", 10_000) + `"]` },
	"classes":       func() string { return `["a","(?i)` + strings.Repeat(`\\pL`, 100_000) + `"]` },
	"format":        func() string { return `["` + strings.Repeat("%.100f", 150_000) + `",1]` },
	"zones":         func() string { return `[[` + commas(40_000, quoted("Europe/Berlin")) + `]]` },
	"number":        func() string { return `[1000000]` },
}

func commas(n int, element func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(element(i))
	}
	return b.String()
}

func quoted(s string) func(int) string {
	return func(i int) string { return fmt.Sprintf(`"%s%d"`, s, i) }
}

// hostile are expressions that do more work than an event may cost, given such arguments.
var hostile = []struct{ args, source string }{
	{"strings", "args[0].exists(x, x == 'nobody')"},
	{"strings", "args[0].map(x, x + '!').filter(x, x != '')"},
	{"strings", "args[0].all(x, args[0].exists(y, x == y))"},
	{"strings", "args[0].map(x, {'name': x, 'of': size(args[0])})"},
	{"strings", "args[0].sort()"},
	{"strings", "args[0].sortBy(x, x.reverse())"},
	{"two lists", "sets.contains(args[0], args[1])"},
	{"two lists", "sets.intersects(args[1], args[0])"},
	{"two lists", "sets.equivalent(args[0], args[0])"},
	{"two lists", "args[0].filter(x, x in args[1])"},
	{"two lists", "args[0].exists(x, args[1] == args[0])"},
	{"numbers", "args[0].distinct().map(x, x + 1.0)"},
	{"digits", "args[0][0]"},
	{"digits", "size(args[0])"},
	{"digits", "math.greatest(args[0])"},
	{"digits", "args[0].reverse()"},
	{"digits", "args[0].slice(0, 400000)"},
	{"digits", "args[0] == args"},
	{"digits", "1 in args[0]"},
	{"digits", "json.encode(args[0])"},
	{"digits", "'%s'.format([args[0]])"},
	{"large numbers", "args[0].distinct()"},
	{"objects", "args[0].distinct()"},
	{"objects", "args[0].map(x, x.i)"},
	{"members", "args[0].map(k, args[0][k])"},
	{"members", "args[0].k000001"},
	{"members", "'k' in args[0]"},
	{"deep", "args[0].flatten(500)"},
	{"deep", "size(args" + strings.Repeat("[0]", 60) + ")"},
	{"deep", "args[0] == 1"},
	{"deep and wide", "args[0].flatten(500)"},
	{"deep and wide", "args[0].distinct()"},
	{"text", "args[0].split('')"},
	{"text", "args[0].replace('a', args[0])"},
	{"text", "args[0].matches('^(a|b|ab)*c$')"},
	{"text", "args[0].indexOf('b') + args[0].lastIndexOf('bb') + args[0].indexOf('bbbb')"},
	{"text", "[1, 2, 3, 4, 5, 6, 7, 8, 9].map(x, args[0].lowerAscii().upperAscii().reverse().trim())"},
	{"text", "[1, 2, 3, 4, 5, 6, 7, 8, 9].map(x, base64.encode(bytes(args[0])))"},
	{"text", "[" + strings.Repeat("args[0] + args[0], ", 100) + "1]"},
	{"two texts", "args[0].indexOf(args[1])"},
	{"two texts", "args[0].lastIndexOf(args[1])"},
	{"two texts", "args[0].replace('a', args[1])"},
	{"text and strings", "args[1].map(x, args[0] + x)"},
	{"text and strings", "args[1].map(x, args[0]).join()"},
	{"text and strings", "args[1].map(x, args[0])"},
	{"text and strings", "args[1].filter(x, args[0].contains(x))"},
	{"text and strings", "args[1].filter(x, size(args[0]) == 7)"},
	{"pattern", "args[0].matches(args[1])"},
	{"large pattern", "args[0].matches(args[1])"},
	{"classes", "args[0].matches(args[1])"},
	{"format", "args[0].format(args)"},
	{"zones", "args[0].map(x, now.getHours(x))"},
	{"number", "lists.range(int(args[0]))"},
	{"number", "[1, 2, 3].map(x, lists.range(int(args[0]) / 10))"},
	{"number", "lists.range(int(args[0]) / 10000).map(x, lists.range(100).map(y, lists.range(100)))"},
}

// costly are expressions that an event can just afford.
var costly = []struct{ args, source string }{
	{`["` + strings.Repeat("a", 100_000) + `"]`, "args[0].matches('^(a|b|ab)*c$')"},
	{`["` + strings.Repeat("ab", 30_000) + `"]`, "args[0].matches('(a|b)*a(a|b)(a|b)(a|b)(a|b)(a|b)c')"},
	{`["` + strings.Repeat("a", 100_000) + `","` + strings.Repeat("a", 15) + `b"]`, "args[0].indexOf(args[1])"},
	{`["` + strings.Repeat("a", 100_000) + `","b` + strings.Repeat("a", 15) + `"]`, "args[0].lastIndexOf(args[1])"},
	{`["` + strings.Repeat("a", 400_000) + `"]`, "args[0].lowerAscii()"},
	{`["` + strings.Repeat("a", 100_000) + `"]`, "args[0].split('')"},
	{`["` + strings.Repeat("a", 100_000) + `"]`, "args[0].replace('', 'abcd')"},
	{`["` + strings.Repeat("%.100f", 3_000) + `"]`, "args[0].format(lists.range(3000).map(x, 1.0))"},
	{`["` + strings.Repeat(`(?i)\\pL`, 100) + `"]`, "'a'.matches(args[0])"},
	{`["` + strings.Repeat("(a{100}|b)", 40) + `"]`, "'a'.matches(args[0])"},
	{`[[` + commas(5_000, quoted(strings.Repeat("a", 100))) + `]]`, "args[0].sort()"},
	{`[[` + commas(10_000, quoted("a")) + `]]`, "args[0].distinct()"},
}

// emitted evaluates an expression, and writes its value as an emit does.
func emitted(tb testing.TB, source string, args socketio.Args) (*expression.Budget, error) {
	tb.Helper()
	value, err := expression.Compile(expression.Value, source)
	if err != nil {
		tb.Fatal(err)
	}
	r := &run{Variables: eval.Variables{Name: "e", Args: args, Now: time.Now()}}
	err = r.runStep(func(r *run) error {
		v, err := r.Eval(value)
		if err == nil {
			_, err = celvalue.Encode(v, &r.Budget)
		}
		return err
	})
	return &r.Budget, err
}

func TestNoEventCostsMoreThanItsLimit(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.source+" of "+tt.args, func(t *testing.T) {
			args := socketio.Args{JSON: []byte(hostileArgs[tt.args]())}
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			_, err := emitted(t, tt.source, args)
			goruntime.ReadMemStats(&after)
			var overwork *expression.WorkError
			if !errors.As(err, &overwork) && (err == nil || !strings.Contains(err.Error(), "too large")) {
				t.Errorf("error %v", err)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<20 {
				t.Errorf("%d MiB were allocated", allocated>>20)
			}
		})
	}
}

func TestAnEventMayCostItsLimit(t *testing.T) {
	for _, tt := range costly {
		b, err := emitted(t, tt.source, socketio.Args{JSON: []byte(tt.args)})
		if err != nil {
			t.Errorf("%.60s: %v", tt.source, err)
		}
		t.Logf("%.60s: %d units", tt.source, b.Spent())
	}
}

// BenchmarkHostile prints what a unit of work takes: the limit of an event is 20 ms if it is less
// than 20 ns.
func BenchmarkHostile(b *testing.B) {
	for _, tt := range hostile {
		benchmarkWork(b, tt.source+" of "+tt.args, tt.source, hostileArgs[tt.args]())
	}
	for _, tt := range costly {
		benchmarkWork(b, "costly/"+tt.source, tt.source, tt.args)
	}
}

func benchmarkWork(b *testing.B, name, source, args string) {
	b.Run(fmt.Sprintf("%.60s", name), func(b *testing.B) {
		value, err := expression.Compile(expression.Value, source)
		if err != nil {
			b.Fatal(err)
		}
		done, before := 0, cpuTime(b)
		for b.Loop() {
			r := &run{Variables: eval.Variables{Name: "e", Args: socketio.Args{JSON: []byte(args)}, Now: time.Now()}}
			_ = r.runStep(func(r *run) error {
				v, err := r.Eval(value)
				if err == nil {
					_, err = celvalue.Encode(v, &r.Budget)
				}
				return err
			})
			done += min(r.Budget.Spent(), expression.WorkLimit)
		}
		spent := cpuTime(b) - before
		b.ReportMetric(spent.Seconds()*1000/float64(b.N), "cpu-ms/event")
		b.ReportMetric(float64(spent.Nanoseconds())/float64(done), "cpu-ns/unit")
	})
}

// cpuTime is what this process has used, the garbage collector's part included.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
