// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func TestThoseThatAreReplacedWaitForEachOther(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	start := func(revision string) *Cluster {
		return newGateway(t, Options{URLs: []string{url}, Revision: revision}).cluster
	}
	first, second, successor := start("old"), start("old"), start("new")
	for _, c := range []*Cluster{first, second, successor} {
		waitForPeers(t, c, 2)
	}
	first.Leaving()
	waited := make(chan bool)
	go func() { waited <- first.AwaitSuccession(t.Context()) }()
	waitFor(t, "the others to hear that the first leaves", func() bool {
		_, remaining, _ := second.peers.succession("old")
		return !remaining
	})
	select {
	case <-waited:
		t.Fatal("the first does not wait for the second")
	default:
	}
	second.Leaving()
	if !<-waited || !second.AwaitSuccession(t.Context()) {
		t.Error("they do not know that they are replaced")
	}
}

func TestNobodyWaitsWhoIsNotReplaced(t *testing.T) {
	checkNothingIsLeft(t)
	for name, other := range map[string]string{"all are of one revision": "a", "the other names none": ""} {
		t.Run(name, func(t *testing.T) {
			url := natstest.Start(t, nil).ClientURL()
			one := newGateway(t, Options{URLs: []string{url}, Revision: "a"}).cluster
			_ = newGateway(t, Options{URLs: []string{url}, Revision: other})
			waitForPeers(t, one, 1)
			one.Leaving()
			if one.AwaitSuccession(t.Context()) {
				t.Error("it takes the other for its successor")
			}
		})
	}
}

func TestAWaitForOthersEndsWithItsTime(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one := newGateway(t, Options{URLs: []string{url}, Revision: "old"}).cluster
	_ = newGateway(t, Options{URLs: []string{url}, Revision: "old"})
	_ = newGateway(t, Options{URLs: []string{url}, Revision: "new"})
	waitForPeers(t, one, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if !one.AwaitSuccession(ctx) {
		t.Error("it has not seen its successor")
	}
}
