// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"testing"

	"github.com/nats-io/nats.go"
)

func TestTheOrderOfAnInboxIsThatOfItsArrivals(t *testing.T) {
	b := NewInbox(InboxOptions{Overflow: func(*nats.Msg) { t.Error("a message was dropped") }})
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(stop)
	}()
	const messages = 3 * inboxBatch
	settled := make(chan int)
	taken := 0
	go func() {
		for i := range messages {
			b.In <- &nats.Msg{Subject: "s", Sub: &nats.Subscription{}, Data: []byte{byte(i)}}
		}
		b.Settle(stop)
		settled <- 0
	}()
	for done := false; !done; {
		select {
		case <-b.Wake:
			for _, item := range b.Take() {
				if item.Call != nil {
					if taken != messages {
						t.Errorf("settled after %d messages", taken)
					}
					item.Call()
					continue
				}
				if item.Msg.Data[0] != byte(taken) {
					t.Fatalf("message %d comes as number %d", item.Msg.Data[0], byte(taken))
				}
				taken++
			}
		case <-settled:
			done = true
		}
	}
	if _, bytes := b.Waiting(); bytes != 0 {
		t.Errorf("%d bytes wait in an empty inbox", bytes)
	}
	close(stop)
	<-ended
}

func TestAnInboxIsBoundedInMessages(t *testing.T) {
	dropped := 0
	b := NewInbox(InboxOptions{Overflow: func(*nats.Msg) { dropped++ }, MaxMessages: 2})
	for range 5 {
		b.accept(&nats.Msg{Sub: &nats.Subscription{}})
	}
	if dropped != 3 || b.Drops() != 3 || len(b.Take()) != 2 {
		t.Errorf("%d were dropped", dropped)
	}
}

// A message larger than the bound is delivered where nothing else waits.
func TestAnInboxTakesOneMessageOfAnySize(t *testing.T) {
	b := NewInbox(InboxOptions{Overflow: func(*nats.Msg) { t.Error("it was dropped") }, MaxBytes: 10})
	b.accept(&nats.Msg{Sub: &nats.Subscription{}, Data: make([]byte, 100)})
	if len(b.Take()) != 1 {
		t.Error("it does not come")
	}
}

func TestWhatIsWaitedForIsTakenAtOnce(t *testing.T) {
	b := NewInbox(InboxOptions{Overflow: func(*nats.Msg) {}})
	stop := make(chan struct{})
	reached := b.mark(stop)
	b.accept(<-b.In)
	<-b.Urgent // told, though nobody listens to wake
	b.Take()[0].Call()
	<-reached
}
