// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// gauge is what a metric without labels says.
func gauge(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// The gateway's NATS server leads the stream and stays, so that no connection breaks.
func TestAGatewayThatPublishesNothingNoticesThatQuorumIsLost(t *testing.T) {
	checkNothingIsLeft(t)
	trio := natstest.StartTrio(t)
	leader := trio.LeaderOf(replicated(t, Options{URLs: trio.URLs()}).cluster.events.stream)
	metrics, log := prometheus.NewRegistry(), &lines{}
	g := replicated(t, Options{URLs: []string{trio.URL(leader)}, Registerer: metrics, Log: log.logger()})
	if got := gauge(t, metrics, "realtime_log_ready"); got != 1 {
		t.Errorf("the metric is %v while all is well", got)
	}
	for range 2 {
		ready, lost := log.count("the log of events is ready"), log.count("the log of events cannot be used")
		trio.Stop((leader + 1) % 3)
		trio.Stop((leader + 2) % 3)
		await(t, "the gateway notices", func() bool { return !g.cluster.LogReady() })
		await(t, "it is logged", func() bool { return log.count("the log of events cannot be used") > lost })
		if got := gauge(t, metrics, "realtime_log_ready"); got != 0 {
			t.Errorf("the metric is %v without quorum", got)
		}
		if !g.cluster.Connected() {
			t.Error("the gateway has lost its NATS server")
		}
		trio.Start((leader + 1) % 3)
		trio.Start((leader + 2) % 3)
		await(t, "the gateway notices that it is back", g.cluster.LogReady)
		await(t, "it is logged", func() bool { return log.count("the log of events is ready") > ready })
	}
}

func TestOneLateAnswerOfTheLogIsNoFault(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	g := newGateway(t, Options{URLs: []string{proxy.URL()}, Recovery: &Recovery{}})
	await(t, "the log is ready", g.cluster.LogReady)
	proxy.Pause()
	if got := g.cluster.events.probe(0); got != 1 || !g.cluster.LogReady() {
		t.Errorf("after a probe without an answer %d count, ready %t", got, g.cluster.LogReady())
	}
	proxy.Resume()
	if got := g.cluster.events.probe(1); got != 0 {
		t.Errorf("after an answer %d count", got)
	}
}

func TestQuorumIsMoreThanHalf(t *testing.T) {
	replicas := func(offline ...bool) (all []*jetstream.PeerInfo) {
		for _, o := range offline {
			all = append(all, &jetstream.PeerInfo{Offline: o})
		}
		return all
	}
	for name, tt := range map[string]struct {
		cluster *jetstream.ClusterInfo
		ok      bool
	}{
		"a single server":               {nil, true},
		"one replica in a cluster":      {&jetstream.ClusterInfo{Leader: "a"}, true},
		"three":                         {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(false, false)}, true},
		"two of three":                  {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, false)}, true},
		"one of three":                  {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, true)}, false},
		"two of four":                   {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, true, false)}, false},
		"three of five":                 {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, true, false, false)}, true},
		"all of three without a leader": {&jetstream.ClusterInfo{Replicas: replicas(false, false)}, false},
	} {
		if err := quorumOf(tt.cluster); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
