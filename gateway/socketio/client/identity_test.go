// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// However large an identity is, the same ones can be used.
func TestWhichIdentitiesCanBeUsed(t *testing.T) {
	late := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		id Identity
		ok bool
	}{
		"nobody":                      {Identity{}, false},
		"a user":                      {Identity{User: "anna"}, true},
		"claims":                      {Identity{User: "anna", Claims: json.RawMessage(` {"a":"<>"} `)}, true},
		"claims that are a list":      {Identity{User: "anna", Claims: json.RawMessage(`[]`)}, false},
		"claims that do not end":      {Identity{User: "anna", Claims: json.RawMessage(`{"a":1`)}, false},
		"claims and something behind": {Identity{User: "anna", Claims: json.RawMessage(`{} {}`)}, false},
		"an expiry without a form":    {Identity{User: "anna", Expires: late}, false},
		"issued at no time":           {Identity{User: "anna", Issued: late}, false},
		"times":                       {Identity{User: "anna", Expires: late.Add(-1), Issued: late.Add(-1)}, true},
	} {
		for _, most := range []int{512, 100 << 10} { // larger than what is allowed without being encoded, and smaller
			id := row.id
			if most == 512 && id.User != "" {
				id.User += strings.Repeat("a", 200)
			}
			if err := id.Check(most); (err == nil) != row.ok {
				t.Errorf("%s, of at most %d bytes: %v", name, most, err)
			}
		}
	}
}

// What is allowed without being encoded is not too large.
func TestIdentitiesThatFit(t *testing.T) {
	worst := strings.Repeat("<", 100)
	full := time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.FixedZone("", -23*3600-59*60))
	id := Identity{Provider: worst, User: worst, TokenID: worst, Claims: json.RawMessage(`{"` + worst + `":0}`), Expires: full, Issued: full}
	encoded, err := json.Marshal(&id)
	if err != nil {
		t.Fatal(err)
	}
	for most := len(encoded) + othersBytes; most >= 0; most-- {
		if fits, err := id.surelyFits(most); fits && most < len(encoded) || err != nil {
			t.Fatalf("it fits into %d bytes, and has %d (%v)", most, len(encoded), err)
		}
	}
	if err := id.Check(len(encoded)); err != nil {
		t.Error(err)
	}
	if err := id.Check(len(encoded) - 1); err == nil {
		t.Error("accepted: one that is too large")
	}
}

func BenchmarkCheck(b *testing.B) {
	id := Identity{Provider: "users", User: "anna", Claims: json.RawMessage(`{"about":"` + strings.Repeat("x", 480) + `"}`), Expires: time.Unix(4e9, 0)}
	b.ReportAllocs()
	for b.Loop() {
		if err := id.Check(16 << 10); err != nil {
			b.Fatal(err)
		}
	}
}
