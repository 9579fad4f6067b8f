// SPDX-License-Identifier: Apache-2.0

package places

import (
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
)

// Gateways of one release write what those of another one read.
func TestRecordsOfEarlierReleasesAreRead(t *testing.T) {
	samples := goldentest.Read(t, "testdata/wire/v1/record.txt")
	now := time.UnixMilli(1764460700000)
	for name, taken := range map[string]int{"everything": 4, "nobody": 0, "a later member": 1} {
		data := goldentest.Sample(t, samples, name)
		r, err := decodeRecord(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := r.taken(now); got != taken {
			t.Errorf("%s: %d places are taken, want %d", name, got, taken)
		}
		if got := string(r.encode()); name != "a later member" && got != string(data) {
			t.Errorf("%s is written as %s", name, got)
		}
	}
	for _, bad := range []string{"x", `{"members":[1]}`} {
		if _, err := decodeRecord([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

func TestAnIDCountsOnce(t *testing.T) {
	now := time.UnixMilli(1764460700000)
	later := now.Add(time.Minute)
	r, err := decodeRecord(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := func(taken int) {
		t.Helper()
		if got := r.taken(now); got != taken {
			t.Errorf("%d places are taken, want %d", got, taken)
		}
	}
	r.put("one", []string{"ada", "bob"}, nil, now)
	r.add("two", "ada") // who has come back, and was not missed yet
	want(2)
	r.put("one", []string{"bob"}, map[string]time.Time{"ada": later}, now)
	if len(r.Away) != 0 {
		t.Error("who is back is away")
	}
	r.put("one", nil, map[string]time.Time{"bob": later}, now)
	want(2)
	if !r.has("bob", now) || r.has("bob", later) {
		t.Error("a place does not wait, or for ever")
	}
	if r.put("one", nil, nil, now) {
		t.Error("nothing changes, and it is written")
	}
	if !r.put("one", nil, nil, later) {
		t.Error("who does not come back stays in the record")
	}
	want(1)
	r.drop("two")
	want(0)
}
