// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// Messages whose acknowledgements got lost are stored once, also when JetStream has forgotten their
// ids: the gateway sees them in the log.
func TestWhatIsStoredIsNotSentAgain(t *testing.T) {
	for name, arrives := range map[string]func(g *gateway, msg *nats.Msg) bool{
		"nothing comes back":          func(*gateway, *nats.Msg) bool { return false },
		"the messages come back only": func(g *gateway, msg *nats.Msg) bool { return !strings.HasPrefix(msg.Subject, g.Cluster.Log().Acks()) },
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one, two := recovering(t, ns), recovering(t, ns)
			near, far := arrive(t, one, "room"), arrive(t, two, "room")
			one.Stored(t)
			js := forgetsSoon(t, one)
			out := one.Cluster.Log().Outbox()
			entered, leave := make(chan struct{}), make(chan struct{})
			go func() {
				one.Cluster.Log().InLoop(func() {
					close(entered)
					<-leave
					one.Cluster.Log().Queued(func(msg *nats.Msg) bool { return !arrives(one, msg) })
					out.Drop(errors.New("as if NATS had been away"))
				})
			}()
			<-entered
			for i := range 5 {
				emit(t, one.IO.To("room"), "n", i)
			}
			for i := range 5 {
				far.Expect(fmt.Sprintf(`["n",%d]`, i))
			}
			forgotten(t, js, wire.LogRoot+wire.Token("default/chat")+".probe")
			close(leave)
			await(t, "all is stored", func() bool { return out.Waiting() == 0 && one.Cluster.LogReady() })
			emit(t, one.IO.To("room"), "end")
			far.Expect(`["end"]`)
			for i := range 5 {
				near.Expect(fmt.Sprintf(`["n",%d]`, i))
			}
			near.Expect(`["end"]`)
		})
	}
}

// forgetsSoon has JetStream forget the ids of what it has stored after a moment.
func forgetsSoon(t *testing.T, g *gateway) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(g.Cluster.Log().NATS())
	if err != nil {
		t.Fatal(err)
	}
	forgetAfter(t, js, g.Cluster.Log().Stream(), 100*time.Millisecond)
	return js
}

func forgetAfter(t *testing.T, js jetstream.JetStream, name string, window time.Duration) {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Duplicates = window
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

// forgotten returns when JetStream does not remember the ids of messages that are stored now. The
// server restarts its timer before it has the new window, so on a busy machine only the next change
// takes effect.
func forgotten(t *testing.T, js jetstream.JetStream, subject string) {
	t.Helper()
	stream, window := "", 100*time.Millisecond
	publish := func() (duplicate bool) {
		t.Helper()
		ack, err := js.Publish(t.Context(), subject, nil, jetstream.WithMsgID("probe"))
		if err != nil {
			t.Fatal(err)
		}
		stream = ack.Stream
		return ack.Duplicate
	}
	publish()
	await(t, "the ids are forgotten", func() bool {
		window = 201*time.Millisecond - window
		forgetAfter(t, js, stream, window)
		return !publish()
	})
}
