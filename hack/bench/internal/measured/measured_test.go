// SPDX-License-Identifier: Apache-2.0

package measured

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := []Run{
		{Name: "slow-consumer", Peer: "node", On: "today", Result: Result{Suite: "fixed", CPU: 1.5, Before: &Before{P99: 3}}},
		{Name: "scale-all-1000", Peer: "ours", Result: Result{Events: 7, Broker: &Broker{In: 7, Read: 1900, Subscriptions: 66}}},
	}
	var lines strings.Builder
	for _, r := range want {
		if err := json.NewEncoder(&lines).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(strings.NewReader(lines.String()))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := Read(strings.NewReader("{\n")); err == nil {
		t.Error("half a measurement is taken")
	}
}
