// SPDX-License-Identifier: Apache-2.0

package monitoring_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/monitoring"
)

func service(name string, conditions ...metav1.Condition) *v1alpha1.RealtimeService {
	return &v1alpha1.RealtimeService{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Status:     v1alpha1.RealtimeServiceStatus{Conditions: conditions},
	}
}

func condition(kind, status, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status), Reason: reason}
}

func collector(t *testing.T, services ...client.Object) *monitoring.Collector {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return &monitoring.Collector{Services: fake.NewClientBuilder().WithScheme(scheme).WithObjects(services...).Build()}
}

func TestServicesAreCountedAndProblemsNamed(t *testing.T) {
	c := collector(t,
		service("fine", condition(v1alpha1.ConditionReady, "True", "Ready"), condition(v1alpha1.ConditionScalingLimited, "False", "InRange")),
		service("broken", condition(v1alpha1.ConditionReady, "False", "ImagePullBackOff"), condition(v1alpha1.ConditionStalled, "True", "Invalid")),
		service("old", condition(v1alpha1.ConditionUpToDate, "False", "Waiting"), condition(v1alpha1.ConditionPaused, "True", "Paused")),
	)
	want := `
		# HELP realtime_operator_service_problem 1 for each condition of a RealtimeService that is not as it should be, with its reason.
		# TYPE realtime_operator_service_problem gauge
		realtime_operator_service_problem{condition="Ready",reason="ImagePullBackOff",service_name="broken",service_namespace="team"} 1
		realtime_operator_service_problem{condition="Stalled",reason="Invalid",service_name="broken",service_namespace="team"} 1
		# HELP realtime_operator_updates_due RealtimeServices whose pods are not those of the operator's release, by the reason of the condition UpToDate.
		# TYPE realtime_operator_updates_due gauge
		realtime_operator_updates_due{reason="UpdateAvailable"} 0
		realtime_operator_updates_due{reason="Updating"} 0
		realtime_operator_updates_due{reason="Waiting"} 1
	`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "realtime_operator_service_problem", "realtime_operator_updates_due"); err != nil {
		t.Error(err)
	}
	// Each of eleven conditions with each of three statuses, whatever the number of services.
	if n := testutil.CollectAndCount(c, "realtime_operator_services"); n != 33 {
		t.Errorf("there are %d series of services, want 33", n)
	}
}

func TestTheFirstExpiryOfEachKindIsTold(t *testing.T) {
	c := collector(t)
	a, b := types.NamespacedName{Namespace: "team", Name: "a"}, types.NamespacedName{Namespace: "team", Name: "b"}
	c.Expires(monitoring.Webhook, types.NamespacedName{}, time.Unix(300, 0))
	c.Expires(monitoring.Peers, a, time.Unix(200, 0))
	c.Expires(monitoring.Peers, b, time.Unix(100, 0))
	c.Expires(monitoring.NATS, b, time.Unix(50, 0))
	expect := func(lines string) {
		t.Helper()
		head := "# HELP realtime_operator_certificate_expiry_timestamp_seconds When the first certificate of a kind expires, in seconds since 1970, and whose it is.\n" +
			"# TYPE realtime_operator_certificate_expiry_timestamp_seconds gauge\n"
		if err := testutil.CollectAndCompare(c, strings.NewReader(head+lines), "realtime_operator_certificate_expiry_timestamp_seconds"); err != nil {
			t.Error(err)
		}
	}
	const webhook = `realtime_operator_certificate_expiry_timestamp_seconds{certificate="webhook",service_name="",service_namespace=""} 300` + "\n"
	expect(`realtime_operator_certificate_expiry_timestamp_seconds{certificate="nats",service_name="b",service_namespace="team"} 50
realtime_operator_certificate_expiry_timestamp_seconds{certificate="peers",service_name="b",service_namespace="team"} 100
` + webhook)
	c.Forget("", b)
	expect(`realtime_operator_certificate_expiry_timestamp_seconds{certificate="peers",service_name="a",service_namespace="team"} 200
` + webhook)
}

func TestMetricsAreThoseOfTheLeader(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := collector(t)
	c.Registry = registry
	if !c.NeedLeaderElection() {
		t.Error("every replica has the metrics")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if families, err := registry.Gather(); err != nil || len(families) != 0 {
		t.Errorf("after it has led there are %v, %v", families, err)
	}
}
