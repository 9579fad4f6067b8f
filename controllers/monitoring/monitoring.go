// SPDX-License-Identifier: Apache-2.0

// Package monitoring has the operator's own metrics: how its services are, and when the
// certificates that it makes expire. Those of controller-runtime are beside them.
//
// No label has a value for each service: services are counted, and only those with a problem are
// named.
package monitoring

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// What a certificate is for.
const (
	// Webhook is the certificate that the webhook serves; it belongs to no service.
	Webhook = "webhook"
	// Peers are those by which a service's gateways, and the operator, authenticate each other.
	Peers = "peers"
	// NATS is that of a service's own NATS.
	NATS = "nats"
)

var (
	servicesDesc = prometheus.NewDesc("realtime_operator_services",
		"RealtimeServices by the status of each of their conditions.", []string{"condition", "status"}, nil)
	problemDesc = prometheus.NewDesc("realtime_operator_service_problem",
		"1 for each condition of a RealtimeService that is not as it should be, with its reason.",
		[]string{"service_namespace", "service_name", "condition", "reason"}, nil)
	updatesDesc = prometheus.NewDesc("realtime_operator_updates_due",
		"RealtimeServices whose pods are not those of the operator's release, by the reason of the condition UpToDate.", []string{"reason"}, nil)
	expiryDesc = prometheus.NewDesc("realtime_operator_certificate_expiry_timestamp_seconds",
		"When the first certificate of a kind expires, in seconds since 1970, and whose it is.",
		[]string{"certificate", "service_namespace", "service_name"}, nil)
)

// Collector collects the metrics; nil collects none. While it runs, they are in Registry: that is
// only so for the replica that leads, since the others do not watch services. Safe for concurrent
// use.
type Collector struct {
	// Services reads services from a cache.
	Services client.Reader
	// Registry is where the metrics are registered.
	Registry prometheus.Registerer

	mu       sync.Mutex
	expiries map[string]map[types.NamespacedName]time.Time // by kind; guarded by mu
}

var (
	_ prometheus.Collector           = (*Collector)(nil)
	_ manager.Runnable               = (*Collector)(nil)
	_ manager.LeaderElectionRunnable = (*Collector)(nil)
)

// NeedLeaderElection returns true.
func (c *Collector) NeedLeaderElection() bool { return true }

// Start registers the metrics until the context ends.
func (c *Collector) Start(ctx context.Context) error {
	if err := c.Registry.Register(c); err != nil { // another operator in the process has them
		log.FromContext(ctx).Error(err, "the metrics of services are not served")
		return nil
	}
	<-ctx.Done()
	c.Registry.Unregister(c)
	return nil
}

// Expires remembers when a certificate of a kind expires; the name is that of its service, empty
// for the webhook's.
func (c *Collector) Expires(kind string, service types.NamespacedName, at time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expiries == nil {
		c.expiries = map[string]map[types.NamespacedName]time.Time{}
	}
	if c.expiries[kind] == nil {
		c.expiries[kind] = map[types.NamespacedName]time.Time{}
	}
	c.expiries[kind][service] = at
}

// Forget forgets a certificate of a kind, or with an empty kind all of a service.
func (c *Collector) Forget(kind string, service types.NamespacedName) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for of, expiries := range c.expiries {
		if kind == "" || kind == of {
			delete(expiries, service)
		}
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{servicesDesc, problemDesc, updatesDesc, expiryDesc} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	c.collectExpiries(metrics)
	var services v1alpha1.RealtimeServiceList
	if err := c.Services.List(context.Background(), &services, client.UnsafeDisableDeepCopy); err != nil {
		metrics <- prometheus.NewInvalidMetric(servicesDesc, err)
		return
	}
	collectServices(services.Items, metrics)
}

func (c *Collector) collectExpiries(metrics chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for kind, expiries := range c.expiries {
		var first types.NamespacedName
		var at time.Time
		for service, expiry := range expiries {
			if at.IsZero() || expiry.Before(at) || expiry.Equal(at) && service.String() < first.String() {
				first, at = service, expiry
			}
		}
		if !at.IsZero() {
			metrics <- gauge(expiryDesc, float64(at.Unix()), kind, first.Namespace, first.Name)
		}
	}
}

// conditions are those that a service may have.
var conditions = []string{
	v1alpha1.ConditionReady, v1alpha1.ConditionGatewaysAvailable, v1alpha1.ConditionProgressing, v1alpha1.ConditionNATSAvailable,
	v1alpha1.ConditionConfigured, v1alpha1.ConditionResolvedRefs, v1alpha1.ConditionExposed, v1alpha1.ConditionStalled,
	v1alpha1.ConditionScalingLimited, v1alpha1.ConditionUpToDate, v1alpha1.ConditionPaused,
}

// statuses are the values of the label status.
var statuses = []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown}

// dueReasons are those of UpToDate, in package updates, while an update is due.
var dueReasons = []string{"UpdateAvailable", "Waiting", "Updating"}

type conditionStatus struct {
	condition string
	status    metav1.ConditionStatus
}

func collectServices(services []v1alpha1.RealtimeService, metrics chan<- prometheus.Metric) {
	counts, due := map[conditionStatus]int{}, map[string]int{}
	for _, kind := range conditions { // from zero on
		for _, status := range statuses {
			counts[conditionStatus{kind, status}] = 0
		}
	}
	for _, reason := range dueReasons {
		due[reason] = 0
	}
	for i := range services {
		svc := &services[i]
		for _, condition := range svc.Status.Conditions {
			counts[conditionStatus{condition.Type, condition.Status}]++
			if condition.Type == v1alpha1.ConditionUpToDate && condition.Status == metav1.ConditionFalse {
				due[condition.Reason]++
			}
			if isProblem(&condition) {
				metrics <- gauge(problemDesc, 1, svc.Namespace, svc.Name, condition.Type, condition.Reason)
			}
		}
	}
	for of, count := range counts {
		metrics <- gauge(servicesDesc, float64(count), of.condition, string(of.status))
	}
	for reason, count := range due {
		metrics <- gauge(updatesDesc, float64(count), reason)
	}
}

// isProblem reports whether a condition says that something is wrong. Paused is somebody's wish,
// and an update that is due is counted.
func isProblem(c *metav1.Condition) bool {
	switch c.Type {
	case v1alpha1.ConditionPaused, v1alpha1.ConditionUpToDate:
		return false
	case v1alpha1.ConditionStalled, v1alpha1.ConditionScalingLimited:
		return c.Status == metav1.ConditionTrue
	}
	return c.Status != metav1.ConditionTrue
}

func gauge(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}
