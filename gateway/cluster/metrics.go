// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/history"
	"github.com/realtime-operator/realtime-operator/gateway/internal/latency"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

type metrics struct {
	published, received, malformed, failed prometheus.Counter
	// dropped counts messages that were not published, by reason.
	dropped       *prometheus.CounterVec
	subscriptions prometheus.Gauge
	// stored has how long it takes from an emission until its event is stored and written.
	stored prometheus.Histogram
	// droppedBefore counts for subscriptions that have ended.
	droppedBefore atomic.Int64

	registerer prometheus.Registerer
	all        []prometheus.Collector
}

func newMetrics(registerer prometheus.Registerer, c *Cluster) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		published: counter("realtime_cluster_messages_published_total", "Messages published for other gateways."),
		received:  counter("realtime_cluster_messages_received_total", "Messages received from other gateways."),
		malformed: counter("realtime_cluster_messages_malformed_total", "Messages of other gateways that could not be read."),
		failed:    counter("realtime_cluster_publish_errors_total", "Messages that could not be published."),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_cluster_publish_dropped_total",
			Help: "Messages that could not be published for other gateways, by reason; local clients have got them.",
		}, []string{"reason"}),
		subscriptions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "realtime_cluster_subscriptions", Help: "NATS subjects that this gateway is subscribed to.",
		}),
		stored: latency.New("realtime_stored_delivery_seconds",
			"Time from when this gateway emitted an event until it was stored and written to the gateway's own clients: that of the oldest event of each batch."),
		registerer: registerer,
	}
	for _, reason := range natsconn.DropReasons {
		m.dropped.WithLabelValues(reason)
	}
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "realtime_cluster_messages_dropped_total", Help: "Messages of other gateways that came in faster than they could be taken.",
	}, func() float64 { return float64(m.droppedBefore.Load()) + c.dropped() })
	connected := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_nats_connected", Help: "1 while NATS is connected.",
	}, func() float64 {
		if c.Connected() {
			return 1
		}
		return 0
	})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_cluster_messages_waiting", Help: "Messages of NATS that have come in, and wait to be handled.",
	}, func() float64 {
		messages, _ := c.incoming.Waiting()
		return float64(messages)
	})
	presenceRooms := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_presence_rooms", Help: "Rooms with presence that have a member on this gateway.",
	}, func() float64 {
		rooms, _ := c.presenceSize()
		return float64(rooms)
	})
	presenceMembers := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_presence_members", Help: "Members on this gateway of rooms with presence; a socket counts in each of its rooms.",
	}, func() float64 {
		_, members := c.presenceSize()
		return float64(members)
	})
	m.all = append([]prometheus.Collector{
		m.published, m.received, m.malformed, m.failed, m.subscriptions, m.dropped, dropped, connected,
		m.stored, waiting, c.link.RoundTrips(),
		presenceRooms, presenceMembers,
	}, slices.Concat(c.logged.Collectors(c.events), c.recoveries.Collectors(), history.Collectors(c.histories()))...)
	if registerer != nil {
		registerer.MustRegister(m.all...)
	}
	return m
}

func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all {
		m.registerer.Unregister(c)
	}
}

func (m *metrics) countDropped(s *nats.Subscription) { m.droppedBefore.Add(int64(droppedBy(s))) }

func (c *Cluster) dropped() float64 {
	total := float64(c.incoming.Drops() + c.news.Drops())
	for _, a := range c.namespaces() {
		total += a.subscriptions.dropped()
	}
	return total
}
