// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"math"
	"testing"

	"github.com/nats-io/nats.go"
)

// A session that has left and come back is not ended by the word of the gateway where it was between.
func TestLateFenceEndsNoLaterSession(t *testing.T) {
	sessions := newSessions(nil)
	n := &session{pid: "pid", number: 8}
	sessions.add(n)
	for _, number := range []uint64{7, 8} {
		sessions.fenced(&nats.Msg{Data: encodeFence("pid", number)})
	}
	if sessions.find("pid") != n {
		t.Error("the session is gone")
	}
}

func TestFence(t *testing.T) {
	for data, want := range map[string]uint64{
		string(encodeFence("pid", 12)): 12,
		"pid":                          math.MaxUint64,
		"pid.x":                        math.MaxUint64,
	} {
		if pid, number := decodeFence([]byte(data)); pid != "pid" || number != want {
			t.Errorf("%s: %s, %d", data, pid, number)
		}
	}
}
