// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/backup"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// All of NATS is lost, and with it every gateway. A client that was away when the backup was made
// comes back as who it was and gets what it has missed, and the room has its history.
func TestABackupBringsBackSessionsAndHistories(t *testing.T) {
	leakCheck(t)
	var kept bytes.Buffer
	var away, ahead *wiretest.Guest
	t.Run("before", func(t *testing.T) {
		url := natstest.StartJetStream(t).ClientURL()
		_, clients := gatewayOf(t, url, remembering, "remembering")
		away = &wiretest.Guest{T: t}
		away.Ask(clients, enginePath)
		away.Answer()
		talker := wiretest.Dial(t, clients, enginePath, "", nil)
		welcomed(t, talker, "")
		talker.Send(`420["say","lobby","first"]`)
		away.Take(away.Wire.Receive())
		talker.Receive()
		talker.Expect(`430["stored"]`)
		talker.Send(`421["say","lobby","heard"]`)
		away.Take(away.Wire.Receive())
		away.Wire.Close()
		talker.Receive()
		talker.Expect(`431["stored"]`)
		talker.Send(`422["say","lobby","missed"]`)
		talker.Receive()
		talker.Expect(`432["stored"]`)

		ahead = &wiretest.Guest{T: t} // it sees what is stored after the backup, and lost
		ahead.Ask(clients, enginePath)
		ahead.Answer()
		for range 3 {
			ahead.Take(ahead.Wire.Receive())
		}
		late := func() {
			talker.Send(`423["say","lobby","lost"]`)
			talker.Receive()
			talker.Expect(`433["stored"]`)
			ahead.Take(ahead.Wire.Receive())
		}
		summary, err := backup.Write(t.Context(), natstest.Connect(t, url), "default/remembering", &kept, time.Now())
		if err != nil || len(summary.Streams) != 1 {
			t.Fatalf("%+v, %v", summary, err)
		}
		late()
	})
	t.Run("after", func(t *testing.T) {
		trio := natstest.StartTrio(t) // as one server, or three
		nc := natstest.Connect(t, trio.URL(0))
		o := backup.RestoreOptions{Service: "default/remembering", Replicas: 3}
		if _, err := backup.Restore(t.Context(), nc, bytes.NewReader(kept.Bytes()), o); err != nil {
			t.Fatal(err)
		}
		_, clients := gatewayOf(t, trio.URL(1), remembering, "remembering")
		away.T = t
		away.Ask(clients, enginePath)
		if !away.Answer() {
			t.Fatal("its session is not recovered")
		}
		if got := away.Take(away.Wire.Receive()); !strings.HasPrefix(got, `["said","missed"`) {
			t.Errorf("it gets %s", got)
		}
		ahead.T = t
		ahead.Ask(clients, enginePath)
		if answer := ahead.Wire.Receive(); strings.Contains(answer, ahead.PID) {
			t.Error("a client that knows more than the log is recovered: it would miss what is stored from now on")
		}
		late := wiretest.Dial(t, clients, enginePath, "", nil)
		welcomed(t, late, "")
		for _, text := range []string{"first", "heard", "missed"} {
			if got := late.Receive(); !strings.HasPrefix(got, `42["said","`+text+`"`) {
				t.Errorf("the history is %s, want %s", got, text)
			}
		}
	})
}
