// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
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
	leader := trio.LeaderOf(replicated(t, cluster.Options{URLs: trio.URLs()}).Cluster.Log().Stream())
	metrics, log := prometheus.NewRegistry(), &lines{}
	g := replicated(t, cluster.Options{URLs: []string{trio.URL(leader)}, Registerer: metrics, Log: log.Logger()})
	if got := gauge(t, metrics, "realtime_log_ready"); got != 1 {
		t.Errorf("the metric is %v while all is well", got)
	}
	for range 2 {
		ready, lost := log.Count("the log of events is ready"), log.Count("the log of events cannot be used")
		trio.Stop((leader + 1) % 3)
		trio.Stop((leader + 2) % 3)
		await(t, "the gateway notices", func() bool { return !g.Cluster.LogReady() })
		await(t, "it is logged", func() bool { return log.Count("the log of events cannot be used") > lost })
		if got := gauge(t, metrics, "realtime_log_ready"); got != 0 {
			t.Errorf("the metric is %v without quorum", got)
		}
		if !g.Cluster.Connected() {
			t.Error("the gateway has lost its NATS server")
		}
		trio.Start((leader + 1) % 3)
		trio.Start((leader + 2) % 3)
		await(t, "the gateway notices that it is back", g.Cluster.LogReady)
		await(t, "it is logged", func() bool { return log.Count("the log of events is ready") > ready })
	}
}

func TestOneLateAnswerOfTheLogIsNoFault(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	g := newGateway(t, cluster.Options{URLs: []string{proxy.URL()}, Recovery: &cluster.Recovery{}})
	await(t, "the log is ready", g.Cluster.LogReady)
	proxy.Pause()
	if got := g.Cluster.Log().Probe(0); got != 1 || !g.Cluster.LogReady() {
		t.Errorf("after a probe without an answer %d count, ready %t", got, g.Cluster.LogReady())
	}
	proxy.Resume()
	if got := g.Cluster.Log().Probe(1); got != 0 {
		t.Errorf("after an answer %d count", got)
	}
}
