// SPDX-License-Identifier: Apache-2.0

package query_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/query"
)

// check compares with net/url, which forwarding gateways of earlier releases read by.
func check(t *testing.T, raw string) {
	t.Helper()
	names := []string{"sid", "EIO", "t"}
	all, _ := url.ParseQuery(raw)
	got := query.Pick(raw, names...)
	for _, name := range names {
		if got.Get(name) != all.Get(name) || got.Has(name) != all.Has(name) {
			t.Errorf("%q: %s is %q, want %q", raw, name, got[name], all[name])
		}
	}
	if len(got) > len(names) {
		t.Errorf("%q: picked %v", raw, got)
	}
}

var queries = []string{
	"", "EIO=4&transport=polling&t=x1&sid=abc", "sid=1&sid=2", "sid=%zz&sid=2", "sid", "sid=", "&&sid=1&", "=x&sid=1",
	"s%69d=1", "%73%69%64=a%2Bb+c", "sid=a;b&sid=c", "s;id=1", "sid=a=b", "SID=1", "sid+=1", "%=1&sid=2",
	strings.Repeat("a&", 5000) + "sid=1",
}

func TestPickReadsAsNetURL(t *testing.T) {
	for _, raw := range queries {
		check(t, raw)
	}
}

func FuzzPick(f *testing.F) {
	for _, raw := range queries {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.Count(raw, "&") < 1000 { // net/url takes some thousands, and then none
			check(t, raw)
		}
	})
}

// BenchmarkManyParameters is a query that is nothing but names.
func BenchmarkManyParameters(b *testing.B) {
	raw := "EIO=4&transport=polling&sid=x" + strings.Repeat("&a", 6000)
	b.Run("pick", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			query.Pick(raw, "EIO", "transport", "sid", "t", "j", "b64")
		}
	})
	b.Run("net/url", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = url.ParseQuery(raw)
		}
	})
}
