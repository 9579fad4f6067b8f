// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// hush is for how long an owner says nothing in these tests: longer than a network takes for
// anything, and shorter than a gateway is believed to live without a word.
const hush = 2500 * time.Millisecond

// slow are a gateway that its peers reach by a way that can be held up, and another.
func slow(t *testing.T) (owner, other *member, way *natstest.Proxy) {
	t.Helper()
	nats := natstest.Start(t, nil).ClientURL()
	identity, err := forward.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	owner = joinBy(t, nats, identity, "{}", func(address string) string {
		way = natstest.NewProxy(t, address)
		return strings.TrimPrefix(way.URL(), "nats://")
	})
	return owner, join(t, nats, identity, "{}"), way
}

// inBackground asks, and sends the answer.
func (m *member) inBackground(t *testing.T, method, sid, body string) <-chan reply {
	t.Helper()
	answers := make(chan reply, 1)
	go func() {
		a, err := m.request(context.WithoutCancel(t.Context()), method, sid, io.Reader(strings.NewReader(body)), nil)
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	return answers
}

// silence wants no answer for a while.
func silence(t *testing.T, answers ...<-chan reply) {
	t.Helper()
	over := time.After(hush)
	for _, a := range answers {
		select {
		case got := <-a:
			t.Fatalf("answered %d %s before the owner could say anything", got.status, got.body)
		case <-over:
			return
		}
	}
}

func TestRow56AnOwnerThatIsSlowIsWaitedFor(t *testing.T) {
	leakCheck(t)
	owner, other, way := slow(t)
	sid, posted, upgraded := owner.open(t), owner.open(t), owner.open(t)
	way.Pause()
	poll, post := other.inBackground(t, "GET", sid, ""), other.inBackground(t, "POST", posted, "40")
	upgrades := make(chan *wiretest.Client, 1)
	go func() { upgrades <- wiretest.Upgrade(t, other.url, enginePath, upgraded) }()
	awaitForwarding(t, other, 3)
	silence(t, poll)
	way.Resume()
	(<-post).want(t, 200, "ok")
	owner.ask(t, "POST", sid, "40").want(t, 200, "ok")
	(<-poll).want(t, 200, "40")
	c := <-upgrades
	c.Send("2probe")
	c.Expect("3probe")
	if got := other.result(t, "unreachable"); got != 0 {
		t.Errorf("%v are counted as unreachable", got)
	}
}

// Its end is what everybody waits for then, and no longer.
func TestRow56AnOwnerThatIsSlowAndEndsIsNotWaitedFor(t *testing.T) {
	leakCheck(t)
	owner, other, way := slow(t)
	sid := owner.open(t)
	way.Pause()
	poll, post := other.inBackground(t, "GET", sid, ""), other.inBackground(t, "POST", sid, "40")
	awaitForwarding(t, other, 2)
	if err := owner.Close(); err != nil {
		t.Error(err)
	}
	(<-poll).want(t, 400, unknownSession)
	(<-post).want(t, 400, unknownSession)
	if got := other.result(t, "unreachable"); got != 2 {
		t.Errorf("%v are counted as unreachable", got)
	}
}

// A poll that waits elsewhere is not ended by a gateway that leaves, even if the owner is slow to
// take it back.
func TestRow56AGatewayThatLeavesWaitsForSlowOwners(t *testing.T) {
	leakCheck(t)
	owner, other, way := slow(t)
	sid := owner.open(t)
	poll := other.inBackground(t, "GET", sid, "")
	eventually(t, "the poll is at the owner", func() bool { return owner.guests.Load() == 1 })
	way.Pause()
	drained := make(chan error, 1)
	go func() { drained <- other.Drain(t.Context(), engineio.Pace{Within: 20 * time.Millisecond}) }()
	silence(t, poll)
	select {
	case err := <-drained:
		t.Fatalf("it has left with %v, and a poll that waits", err)
	default:
	}
	way.Resume()
	(<-poll).want(t, 200, "6")
	if err := <-drained; err != nil {
		t.Error(err)
	}
	// Who still comes, by a load balancer that is late, is sent elsewhere at once.
	other.ask(t, "GET", sid, "").want(t, 200, "6")
	other.ask(t, "POST", sid, "40").want(t, 200, "ok")
	other.ask(t, "GET", sid, "").want(t, 200, "40")
}
