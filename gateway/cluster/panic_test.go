// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// breakNamespace has all that comes in for a namespace panic, as a message would that finds a bug.
func (g *gateway) breakNamespace(name string) {
	a := g.IO.Of(name).Adapter()
	if r, ok := a.(recoverable); ok {
		a = r.adapter
	}
	sound := a.(*adapter)
	g.cluster.mu.Lock()
	defer g.cluster.mu.Unlock()
	g.cluster.adapters[sound.subjects.Prefix] = &adapter{subjects: sound.subjects, subscriptions: sound.subscriptions, presence: sound.presence}
}

func TestAMessageThatPanicsIsDropped(t *testing.T) {
	for name, test := range map[string]struct {
		recovery *Recovery
		send     func(t *testing.T, one, two *gateway)
	}{
		"a broadcast":              {nil, func(t *testing.T, one, _ *gateway) { emit(t, one.IO.Of("/broken"), "poison") }},
		"a broadcast from the log": {&Recovery{}, func(t *testing.T, one, _ *gateway) { emit(t, one.IO.Of("/broken"), "poison") }},
		"what is said of a room's members": {nil, func(_ *testing.T, _, two *gateway) {
			subject := wire.NewSubjects(two.cluster.service, "/broken").Presence("room")
			two.cluster.news.In <- &nats.Msg{Subject: subject, Data: []byte("x"), Sub: &nats.Subscription{}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			var panics atomic.Int32
			log := &lines{}
			count := func(place string) {
				if place == PlaceMessage {
					panics.Add(1)
				}
			}
			one := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Recovery: test.recovery})
			two := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Recovery: test.recovery, Log: log.Logger(), OnPanic: count})
			await(t, "the log is ready", func() bool { return one.cluster.LogReady() && two.cluster.LogReady() })
			for _, g := range []*gateway{one, two} {
				g.IO.Of("/broken")
			}
			wiretest.Connect(t, two.URL, sockettest.Path, "/broken")
			client, _ := two.Client(t)
			two.breakNamespace("/broken")

			test.send(t, one, two)
			await(t, "the panic is stopped", func() bool { return panics.Load() == 1 })
			emit(t, one.IO.Of("/"), "hello")
			if got := client.Receive(); !strings.HasPrefix(got, `42["hello"`) {
				t.Errorf("received %s", got)
			}
			await(t, "it is logged", func() bool { return log.Count("a panic was stopped") == 1 })
		})
	}
}
