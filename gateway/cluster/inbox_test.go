// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// hold keeps dispatch from taking anything until release is called.
func (g *gateway) hold() (release func()) {
	entered, leave := make(chan struct{}), make(chan struct{})
	g.cluster.incoming.Call(func() {
		close(entered)
		<-leave
	})
	<-entered
	return func() { close(leave) }
}

func TestWhatWaitsToBeDeliveredIsBoundedInBytes(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	const most = 64 << 10
	one, two := recovering(t, ns), recoveringWith(t, ns, Options{inboxBytes: most})
	far := arrive(t, two, "room")
	emit(t, one.IO.To("room"), "n", -1)
	far.Expect(`["n",-1]`)
	release := two.hold()
	text := strings.Repeat("x", 4<<10)
	for i := range 100 {
		emit(t, one.IO.To("room"), "n", i, text)
	}
	await(t, "there is no more room", func() bool { return two.cluster.incoming.Drops() > 0 })
	if _, bytes := two.cluster.incoming.Waiting(); bytes > most {
		t.Errorf("%d bytes wait, want %d at most", bytes, most)
	}
	release()
	for i := range 100 {
		far.Expect(fmt.Sprintf(`["n",%d,"%s"]`, i, text)) // what was dropped is read from the log
	}
}

func TestAPublisherThatHasGoneIsForgotten(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one, two := newGateway(t, Options{URLs: []string{url}}), newGateway(t, Options{URLs: []string{url}})
	waitForPeers(t, one.cluster, 1)
	waitForPeers(t, two.cluster, 1)
	far, _ := one.Client(t, "a", "b")
	known := func() int {
		n := make(chan int)
		one.cluster.incoming.Call(func() { n <- len(one.cluster.delivered) })
		return <-n
	}
	emit(t, two.IO.To("a", "b"), "both")
	far.Expect(`42["both"]`)
	if n := known(); n != 1 {
		t.Errorf("%d publishers are known, want 1", n)
	}
	two.cluster.peers.Farewell()
	await(t, "it is forgotten", func() bool { return known() == 0 })
}
