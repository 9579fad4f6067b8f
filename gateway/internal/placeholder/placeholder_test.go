// SPDX-License-Identifier: Apache-2.0

package placeholder

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		want       []string
	}{
		{"nothing binary", `[1,{"a":"_placeholder"}]`, nil},
		{"in a list and in an object", `[{"_placeholder":true,"num":1},{"x":{"num":0,"_placeholder":true}}]`,
			[]string{`1 {"_placeholder":true,"num":1}`, `0 {"num":0,"_placeholder":true}`}},
		{"spaces", `[ { "_placeholder" : true , "num" : 2 } ]`, []string{`2 { "_placeholder" : true , "num" : 2 }`}},
		{"names with escapes", `[{"_place\u0068older":true,"n\u0075m":3}]`, []string{`3 {"_place\u0068older":true,"n\u0075m":3}`}},
		{"more members", `{"a":[1],"_placeholder":true,"b":{"num":7},"num":4}`, []string{`4 {"a":[1],"_placeholder":true,"b":{"num":7},"num":4}`}},
		{"within another", `[{"x":{"_placeholder":true,"num":0},"_placeholder":true,"num":1}]`,
			[]string{`1 {"x":{"_placeholder":true,"num":0},"_placeholder":true,"num":1}`}},
		{"the last of equal names counts", `[{"_placeholder":true,"_placeholder":false,"num":0},{"_placeholder":1,"_placeholder":true,"num":0,"num":5}]`,
			[]string{`5 {"_placeholder":1,"_placeholder":true,"num":0,"num":5}`}},
		{"marked with something else than true", `[{"_placeholder":"true","num":0},{"_placeholder":1},{"_placeholder":{"x":true}}]`, nil},
		{"names no attachment", `[{"_placeholder":true},{"_placeholder":true,"num":-1},{"_placeholder":true,"num":0.5},{"_placeholder":true,"num":"0"},{"_placeholder":true,"num":1e99}]`,
			[]string{`-1 {"_placeholder":true}`, `-1 {"_placeholder":true,"num":-1}`, `-1 {"_placeholder":true,"num":0.5}`, `-1 {"_placeholder":true,"num":"0"}`, `-1 {"_placeholder":true,"num":1e99}`}},
		{"a number in another form", `[{"_placeholder":true,"num":10e-1}]`, []string{`1 {"_placeholder":true,"num":10e-1}`}},
		{"the mark as a value", `{"num":"_placeholder","x":[true,"num"]}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range Find([]byte(tt.json)) {
				got = append(got, fmt.Sprint(s.Num, " ", tt.json[s.Start:s.End]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzFind compares with what encoding/json sees.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{`[{"_placeholder":true,"num":0},{"a":[{"num":1,"_placeholder":true}]}]`, `{"_placeholder":true,"num":{"num":1}}`, `"\\\""`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		if !utf8.Valid(data) || json.Unmarshal(data, &v) != nil {
			return
		}
		var got []float64
		for _, s := range Find(data) {
			var p struct {
				Mark any `json:"_placeholder"`
			}
			if json.Unmarshal(data[s.Start:s.End], &p) != nil {
				t.Fatalf("%s is no object", data[s.Start:s.End])
			}
			got = append(got, float64(s.Num))
		}
		want := map[float64]int{}
		count(v, want)
		for _, num := range got {
			want[num]--
		}
		for num, n := range want {
			if n != 0 {
				t.Errorf("placeholders in %s: %v, %d of %v are missing", data, got, n, num)
			}
		}
	})
}

func count(v any, nums map[float64]int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			count(e, nums)
		}
	case map[string]any:
		if v["_placeholder"] != true {
			for _, e := range v {
				count(e, nums)
			}
			return
		}
		num, ok := v["num"].(float64)
		if !ok || num < 0 || num != math.Trunc(num) || num > math.MaxInt32 {
			num = -1
		}
		nums[num]++
	}
}

// BenchmarkFind takes as long for a byte however deep it is.
func BenchmarkFind(b *testing.B) {
	for _, depth := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			data := []byte(strings.Repeat(`{"a":[`, depth/2) + `{"_placeholder":true,"num":0},"` + strings.Repeat("x", 1<<16) + `"` + strings.Repeat(`]}`, depth/2))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if len(Find(data)) != 1 {
					b.Fatal("not found")
				}
			}
		})
	}
}
