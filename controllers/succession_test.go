// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

func TestGatewaysAreReplacedAfterNATS(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.startNATS()
	s.rollOut()
	inForce := func(g *fakeGateway) { g.status.ConfigHash = gatewaystatus.Revision([]byte(s.config())) }
	gateway := s.startGateway(t, namespace, "chat", "one", inForce)
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionTrue, status.ReasonAvailable)
	before := &appsv1.Deployment{}
	s.get("chat-gateway", before)
	waits := func(why string) {
		t.Helper()
		after := &appsv1.Deployment{}
		if s.get("chat-gateway", after); after.Generation != before.Generation {
			t.Fatalf("gateways are replaced while %s", why)
		}
	}

	// Recovery takes another NATS, and other gateways.
	c.gateways.set(gateway, func(g *fakeGateway) { g.status.NATS = "reconnecting" })
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Recovery = &v1alpha1.RecoverySpec{
			MaxDisconnection: v1alpha1.Duration{Duration: time.Minute}, MaxMessages: 10, Replicas: 1,
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")},
		}
		spec.Gateway.Image = "mine:1"
	})
	// Conditions are written after all that was to be applied.
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonDisconnected)
	s.awaitCondition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, status.ReasonWaitingForNATS)
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonWaitingForNATS)
	waits("NATS is")
	s.startNATS()
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonDisconnected, "1 of 1 gateways are not connected")
	waits("one is not connected")

	c.gateways.set(gateway, func(g *fakeGateway) { g.status.NATS = "connected" })
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
}

func TestTheWaitForNATSEnds(t *testing.T) {
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	var w natsWait
	for i, step := range []struct {
		settled bool
		after   time.Duration
		holds   bool
	}{
		{true, 0, false},
		{false, time.Second, true},
		{false, time.Second + natsPatience - 1, true},
		{false, time.Second + natsPatience, false},
		{false, time.Hour, false}, // it does not begin again
		{true, time.Hour, false},
		{false, 2 * time.Hour, true},
		{true, 2*time.Hour + time.Second, false},
	} {
		if got := w.holds(step.settled, start.Add(step.after)); got != step.holds {
			t.Errorf("step %d: it holds: %v", i, got)
		}
	}
}
