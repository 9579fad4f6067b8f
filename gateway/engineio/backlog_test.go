// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// A client may have missed more than the queue's limits; what is sent to it besides is bounded as ever.
func TestABacklogDoesNotCountTowardsTheLimits(t *testing.T) {
	socket, session, _ := enginetest.Start(t, with(func(c *engineio.Config) { c.MaxQueueMessages, c.MaxQueueBytes = 4, 1<<20 })).WebSocket()
	padding := strings.Repeat("x", 1<<20)
	for i := range 30 {
		if err := session.SendBacklog(engineio.NewText(fmt.Appendf(nil, "%d %s", i, padding))); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if err := session.Send(engineio.NewText([]byte("now"))); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if got, want := socket.ReadText(), fmt.Sprintf("4%d %s", i, padding); got != want {
			t.Fatalf("received %.20q, want %.20q", got, want)
		}
	}
	if got := socket.ReadText(); got != "4now" {
		t.Errorf("received %.20q behind the backlog", got)
	}
	var err error
	for range 1000 {
		if err = session.Send(engineio.NewText([]byte(padding))); err != nil {
			break
		}
	}
	if !errors.Is(err, engineio.ErrSlowConsumer) {
		t.Errorf("afterwards, error %v", err)
	}
}
