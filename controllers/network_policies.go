// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// applyNetworkPolicies applies the policies of the service's pods, before the pods, or deletes
// them. The policy of its own NATS stays as long as NATS does: gateways leave it one by one when
// spec.nats names another.
func (r *Reconciler) applyNetworkPolicies(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	errs := []error{
		r.applyNetworkPolicy(ctx, svc, resources.GatewayName(svc.Name), resources.GatewayNetworkPolicy(svc, r.Namespace)),
	}
	if resources.OwnNATS(svc) || svc.Spec.NetworkPolicy == nil {
		errs = append(errs, r.applyNetworkPolicy(ctx, svc, resources.NATSName(svc.Name), resources.NATSNetworkPolicy(svc)))
	}
	return errors.Join(errs...)
}

// applyNetworkPolicy applies a policy, or deletes the one with that name if it is nil.
func (r *Reconciler) applyNetworkPolicy(ctx context.Context, svc *v1alpha1.RealtimeService, name string, policy *networkingv1.NetworkPolicy) error {
	if policy != nil {
		return r.Objects.Apply(ctx, svc, policy)
	}
	return r.Objects.Remove(ctx, svc, r.Client, &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: svc.Namespace},
	})
}
