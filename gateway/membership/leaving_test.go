// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func TestThoseThatAreReplacedWaitForEachOther(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	of := func(revision string) *Peers { return start(t, url, Options{Revision: revision}) }
	first, second, successor := of("old"), of("old"), of("new")
	for _, c := range []*Peers{first, second, successor} {
		waitForPeers(t, c, 2)
	}
	first.Leaving()
	waited := make(chan bool)
	go func() { waited <- first.AwaitSuccession(t.Context()) }()
	await(t, "the others to hear that the first leaves", func() bool {
		_, remaining, _ := second.table.succession("old")
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
			one := start(t, url, Options{Revision: "a"})
			_ = start(t, url, Options{Revision: other})
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
	one := start(t, url, Options{Revision: "old"})
	_ = start(t, url, Options{Revision: "old"})
	_ = start(t, url, Options{Revision: "new"})
	waitForPeers(t, one, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if !one.AwaitSuccession(ctx) {
		t.Error("it has not seen its successor")
	}
}
