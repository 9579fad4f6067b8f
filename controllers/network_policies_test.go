// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

func TestNetworkPoliciesComeAndGo(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {networkPolicy: {nats: [{podSelector: {}}]}, namespaces: [{name: /}]}")
	gateways, nats := &networkingv1.NetworkPolicy{}, &networkingv1.NetworkPolicy{}
	await(s, "chat-gateway", gateways, func(policy *networkingv1.NetworkPolicy) error {
		return contains(fmt.Sprint(policy.Spec.Ingress), "kubernetes.io/metadata.name: "+system)
	})
	rules := func(n int) func(*networkingv1.NetworkPolicy) error {
		return func(policy *networkingv1.NetworkPolicy) error {
			return want("the number of peers", len(policy.Spec.Ingress[0].From), n)
		}
	}
	await(s, "chat-nats", nats, rules(2))
	for _, policy := range []*networkingv1.NetworkPolicy{gateways, nats} {
		if !metav1.IsControlledBy(policy, s.live()) {
			t.Errorf("the owners of %s are %v", policy.Name, policy.OwnerReferences)
		}
	}

	// What is changed by hand is set back.
	change(s, "chat-gateway", gateways, func(policy *networkingv1.NetworkPolicy) {
		policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	})
	await(s, "chat-gateway", gateways, func(policy *networkingv1.NetworkPolicy) error {
		return want("the number of rules", len(policy.Spec.Ingress), 3)
	})
	uid := nats.UID
	if err := c.Delete(t.Context(), nats); err != nil {
		t.Fatal(err)
	}
	nats = &networkingv1.NetworkPolicy{}
	await(s, "chat-nats", nats, func(policy *networkingv1.NetworkPolicy) error {
		if policy.UID == uid {
			return errors.New("it is the old one")
		}
		return nil
	})

	// What the service says reaches them.
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.NetworkPolicy.NATS = nil })
	await(s, "chat-nats", nats, rules(1))
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.NetworkPolicy = nil })
	s.awaitGone("chat-gateway", gateways)
	s.awaitGone("chat-nats", nats)
}

// Gateways leave the operator's NATS one by one when spec.nats names another.
func TestThePolicyOfNATSStaysAsLongAsNATS(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {networkPolicy: {}, namespaces: [{name: /}]}")
	s.awaitObjects()
	s.rollOut()
	await(s, "chat-nats", &networkingv1.NetworkPolicy{}, there)
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.NATS = &v1alpha1.NATSSpec{URLs: []string{"nats://elsewhere:4222"}}
	})
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionUnknown, status.ReasonStarting)
	s.get("chat-nats", &networkingv1.NetworkPolicy{})
	s.rollOut()
	s.awaitGone("chat-nats", &networkingv1.NetworkPolicy{})
	s.get("chat-gateway", &networkingv1.NetworkPolicy{})
}
