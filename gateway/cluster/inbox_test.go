// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// hold keeps dispatch from taking anything until release is called.
func (g *gateway) hold() (release func()) {
	entered, leave := make(chan struct{}), make(chan struct{})
	g.cluster.incoming.call(func() {
		close(entered)
		<-leave
	})
	<-entered
	return func() { close(leave) }
}

func (b *inbox) limit(messages, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.maxMessages, b.maxBytes = messages, bytes
}

func (b *inbox) waitingBytes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}

func TestWhatWaitsToBeDeliveredIsBoundedInBytes(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	far := arrive(t, two, "room")
	emit(t, one.io.To("room"), "n", -1)
	far.Expect(`["n",-1]`)
	const most = 64 << 10
	two.cluster.incoming.limit(inboxMessages, most)
	release := two.hold()
	text := strings.Repeat("x", 4<<10)
	for i := range 100 {
		emit(t, one.io.To("room"), "n", i, text)
	}
	await(t, "there is no more room", func() bool { return two.cluster.incoming.drops() > 0 })
	if bytes := two.cluster.incoming.waitingBytes(); bytes > most {
		t.Errorf("%d bytes wait, want %d at most", bytes, most)
	}
	release()
	for i := range 100 {
		far.Expect(fmt.Sprintf(`["n",%d,"%s"]`, i, text)) // what was dropped is read from the log
	}
}

func TestTheOrderOfAnInboxIsThatOfItsArrivals(t *testing.T) {
	b := newInbox(func(*nats.Msg) { t.Error("a message was dropped") })
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		b.run(stop)
	}()
	const messages = 3 * inboxBatch
	settled := make(chan int)
	taken := 0
	go func() {
		for i := range messages {
			b.in <- &nats.Msg{Subject: "s", Sub: &nats.Subscription{}, Data: []byte{byte(i)}}
		}
		b.settle(stop)
		settled <- 0
	}()
	for done := false; !done; {
		select {
		case <-b.wake:
			for _, item := range b.take() {
				if item.call != nil {
					if taken != messages {
						t.Errorf("settled after %d messages", taken)
					}
					item.call()
					continue
				}
				if item.msg.Data[0] != byte(taken) {
					t.Fatalf("message %d comes as number %d", item.msg.Data[0], byte(taken))
				}
				taken++
			}
		case <-settled:
			done = true
		}
	}
	if bytes := b.waitingBytes(); bytes != 0 {
		t.Errorf("%d bytes wait in an empty inbox", bytes)
	}
	close(stop)
	<-ended
}

func TestAnInboxIsBoundedInMessages(t *testing.T) {
	dropped := 0
	b := newInbox(func(*nats.Msg) { dropped++ })
	b.limit(2, inboxBytes)
	for range 5 {
		b.accept(&nats.Msg{Sub: &nats.Subscription{}})
	}
	if dropped != 3 || b.drops() != 3 || len(b.take()) != 2 {
		t.Errorf("%d were dropped", dropped)
	}
}

// A message larger than the bound is delivered where nothing else waits.
func TestAnInboxTakesOneMessageOfAnySize(t *testing.T) {
	b := newInbox(func(*nats.Msg) { t.Error("it was dropped") })
	b.limit(inboxMessages, 10)
	b.accept(&nats.Msg{Sub: &nats.Subscription{}, Data: make([]byte, 100)})
	if len(b.take()) != 1 {
		t.Error("it does not come")
	}
}

func TestAPublisherThatHasGoneIsForgotten(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one, two := newGateway(t, Options{URLs: []string{url}}), newGateway(t, Options{URLs: []string{url}})
	waitForPeers(t, one.cluster, 1)
	waitForPeers(t, two.cluster, 1)
	far, _ := one.client(t, "a", "b")
	known := func() int {
		n := make(chan int)
		one.cluster.incoming.call(func() { n <- len(one.cluster.delivered) })
		return <-n
	}
	emit(t, two.io.To("a", "b"), "both")
	far.Expect(`42["both"]`)
	if n := known(); n != 1 {
		t.Errorf("%d publishers are known, want 1", n)
	}
	two.cluster.say(peerBye)
	await(t, "it is forgotten", func() bool { return known() == 0 })
}
