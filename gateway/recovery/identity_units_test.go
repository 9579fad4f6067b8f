// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A record of an anonymous client is as the first release wrote it. Both directions of a rollout:
// that release reads one with an identity, and forgets it; this one reads one without.
func TestIdentitiesInSessionRecords(t *testing.T) {
	anonymous := record{
		SocketID: "gateway1AAAAAAAAAAAA", Namespace: "/n", Gateway: "gateway2", By: "writer02", Floor: 1 << 53,
		Rooms: map[string]uint64{"a": 1<<53 + 1, "大厅": 0}, Left: map[string]span{"b": {After: 3, UpTo: 0}},
		Data: []byte(`{"n":9007199254740993}`), Gone: 1764460800000,
	}
	first := goldentest.Sample(t, golden(t, "v0", "session", 3), "everything")
	if got := anonymous.encode(); string(got) != string(first) {
		t.Errorf("written as %s, want %s", got, first)
	}
	known := anonymous
	known.Identity = &socketio.Identity{
		Provider: "tokens", User: "ann", Claims: json.RawMessage(`{"role":"admin"}`), Expires: time.Unix(1764460800, 0).UTC(),
	}
	samples := goldentest.Read(t, "testdata/wire/v1/identity.txt")
	data := goldentest.Sample(t, samples, "everything")
	if got := known.encode(); string(got) != string(data) {
		t.Errorf("written as %s, want %s", got, data)
	}
	got, err := decodeRecord(data)
	if diff := cmp.Diff(&known, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v, session (-want +got):\n%s", err, diff)
	}
	// What the first release has of a record.
	var old struct {
		SocketID  string            `json:"sid"`
		Namespace string            `json:"ns"`
		Gateway   string            `json:"gw"`
		By        string            `json:"by,omitempty"`
		Floor     uint64            `json:"floor"`
		Rooms     map[string]uint64 `json:"rooms"`
		Left      map[string]span   `json:"left,omitempty"`
		Data      []byte            `json:"data,omitempty"`
		Gone      int64             `json:"gone,omitempty"`
		Ended     bool              `json:"ended,omitempty"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		t.Fatal(err)
	}
	if rewritten, err := json.Marshal(old); err != nil || string(rewritten) != string(first) {
		t.Errorf("the first release writes %s, %v", rewritten, err)
	}
}

// What a record is said to take at most, it does.
func TestTheSizeOfAnIdentityInARecord(t *testing.T) {
	for _, id := range []*socketio.Identity{
		nil,
		{User: "a"},
		{Provider: "<&>", User: "\"\\\x00", Claims: json.RawMessage(`{"<":"&","a b":[1, 2,  3]}`), Expires: time.Unix(1764460800, 123456789)},
	} {
		r := record{SocketID: "gateway1AAAAAAAAAAAA", Namespace: "/", Rooms: map[string]uint64{}}
		bare := len(r.encode())
		r.Identity = id
		if grown := len(r.encode()) - bare; grown > identitySize(id) {
			t.Errorf("%+v takes %d bytes, more than %d", id, grown, identitySize(id))
		}
	}
}
