// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

func TestStatusFollowsTheObjects(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {replicas: 2}, namespaces: [{name: /}]}")
	s.awaitObjects()
	s.awaitCondition(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionFalse, status.ReasonStarting)
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonStarting)
	s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionFalse, status.ReasonStarting)

	s.startNATS()
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionTrue, status.ReasonAvailable)

	inForce := func(connections int64) func(*fakeGateway) {
		return func(g *fakeGateway) {
			g.status.ConfigHash, g.status.Connections = gatewaystatus.Revision([]byte(s.config())), connections
		}
	}
	s.rollOut()
	s.startGateway(t, namespace, "chat", "one", inForce(40))
	s.awaitMessage(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonRollingOut, "2 of 2 gateways have the newest pod template, 1 are ready")
	s.awaitMessage(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionFalse, status.ReasonStarting, "1 of 2 gateways are ready")
	s.awaitCondition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, status.ReasonRollingOut)

	s.startGateway(t, namespace, "chat", "two", inForce(2))
	s.awaitCondition(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionTrue, status.ReasonAvailable)
	s.awaitCondition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, status.ReasonRolledOut)
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady)
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		status := svc.Status
		return errors.Join(
			want("gateways", status.Gateways, "2/2"),
			want("replicas", status.Replicas, 2),
			want("ready replicas", status.ReadyReplicas, 2),
			want("connections", status.Connections, 42),
		)
	})
	selector, err := labels.Parse(s.live().Status.Selector)
	if err != nil || !selector.Matches(labels.Set(resources.GatewaySelector("chat"))) {
		t.Errorf("selector %q: %v", s.live().Status.Selector, err)
	}
}

func TestSilentGatewaysAreShown(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.startNATS()
	s.rollOut()
	s.startGateway(t, namespace, "chat", "one", func(g *fakeGateway) { g.silent, g.deaf = true, true })
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionUnknown, status.ReasonUnreachable, "one", "network policy")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionUnknown, status.ReasonUnreachable)
}

func TestNoGatewayWantedIsNotReady(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {replicas: 0}, namespaces: [{name: /}]}")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonScaledToZero)
	s.awaitCondition(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionTrue, status.ReasonAvailable)
}

func TestNamedNATSIsSeenThroughGateways(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {nats: {urls: ['nats://elsewhere:4222']}, namespaces: [{name: /}]}")
	s.awaitObjects()
	s.rollOut()
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionUnknown, status.ReasonStarting, "no gateway has said yet")
	gateway := func(nats string) func(*fakeGateway) {
		return func(g *fakeGateway) {
			g.status.ConfigHash, g.status.NATS = gatewaystatus.Revision([]byte(s.config())), nats
		}
	}
	one := s.startGateway(t, namespace, "chat", "one", gateway("reconnecting"))
	s.startGateway(t, namespace, "chat", "two", gateway("connected"))
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonDisconnected, "1 of 2 gateways are not connected")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady) // clients can connect
	c.gateways.set(one, gateway("connected"))
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionTrue, status.ReasonExternal)
}

func TestStatusIsNotWrittenForNothing(t *testing.T) {
	s, _, _ := withGateways(t)
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce, "2 gateways")
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		return want("replicas", svc.Status.Replicas, 2) // the Deployment comes by another watch
	})
	before := s.live().ResourceVersion
	// What the operator applies again, it does after it has looked at all.
	pdb := owned()["PodDisruptionBudget chat-gateway"]
	s.get("chat-gateway", pdb)
	if err := s.Delete(t.Context(), pdb); err != nil {
		t.Fatal(err)
	}
	await(s, "chat-gateway", owned()["PodDisruptionBudget chat-gateway"], there)
	if after := s.live().ResourceVersion; after != before {
		t.Errorf("the service was written: %+v", s.live().Status)
	}
}

func TestStatusOfAnOldLookIsNotWritten(t *testing.T) {
	s, _, _ := withGateways(t)
	old := s.live()
	change(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) {
		svc.Annotations = map[string]string{"example.com/changed": "since"}
	})
	r := &Reconciler{Client: s}
	if err := r.writeStatus(t.Context(), old, &observation{}); !apierrors.IsConflict(err) {
		t.Errorf("the status of an older service than the API server's was written: %v", err)
	}
}

// kstatus takes an object without an observed generation, and without conditions, for one that is
// as it should be.
func TestANewServiceIsNotTakenForReady(t *testing.T) {
	c, namespace := useCluster(t)
	object := parse(t, namespace, plain)
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	observed, found, err := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	if err != nil || !found || observed == object.GetGeneration() {
		t.Errorf("the observed generation is %d, found %v: %v", observed, found, err)
	}
}
