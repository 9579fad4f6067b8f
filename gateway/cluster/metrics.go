// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	published, received, malformed, failed, refused, healed, repeated prometheus.Counter
	rejected, recoveries, gaps                                        *prometheus.CounterVec
	// dropped counts what was not published, by reason.
	dropped       *prometheus.CounterVec
	subscriptions prometheus.Gauge
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
		refused:   counter("realtime_log_refused_messages_total", "Messages that were refused, or not acknowledged, as too much waited to be stored."),
		healed:    counter("realtime_cluster_messages_healed_total", "Messages that did not come in by themselves and were read from the log."),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_log_rejected_messages_total", Help: "Messages that were not stored and never will be, by reason.",
		}, []string{"reason"}),
		repeated: counter("realtime_cluster_messages_repeated_total", "Messages that were stored twice, and left out the second time."),
		recoveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_recoveries_total", Help: "Sessions that clients have asked for when they came back, by what became of it.",
		}, []string{"result"}),
		gaps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_log_gaps_total",
			Help: "Times that events of a room, or of a namespace, were lost before this gateway could deliver them, by cause; its members' connections were closed.",
		}, []string{"cause"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_cluster_publish_dropped_total",
			Help: "Messages that could not be published for other gateways, by reason; local clients have got them.",
		}, []string{"reason"}),
		subscriptions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "realtime_cluster_subscriptions", Help: "NATS subjects that this gateway is subscribed to.",
		}),
		registerer: registerer,
	}
	for _, reason := range dropReasons {
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
		Name: "realtime_log_waiting_messages", Help: "Messages that wait to be stored.",
	}, func() float64 {
		if c.events == nil {
			return 0
		}
		return float64(c.events.out.Waiting())
	})
	logReady := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_log_ready", Help: "1 while what is to be recoverable can be stored, and for a service without recovery.",
	}, func() float64 {
		if c.LogReady() {
			return 1
		}
		return 0
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
		m.refused, m.rejected, m.healed, m.repeated, m.recoveries, m.gaps, waiting, logReady, presenceRooms, presenceMembers,
	}, historyMetrics(c)...)
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

// recovery counts what has become of a session: recovered, refused, too_much_missed, log_trimmed, log_restarted, unavailable, or unsaved for one
// that could not begin.
func (m *metrics) recovery(result string) { m.recoveries.WithLabelValues(result).Inc() }

func (m *metrics) countDropped(s *nats.Subscription) { m.droppedBefore.Add(int64(droppedBy(s))) }

func (c *Cluster) dropped() float64 {
	total := float64(c.incoming.drops() + c.news.drops())
	for _, a := range c.namespaces() {
		total += a.interest.dropped()
	}
	return total
}
