// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// applyAll applies all objects of the service, and deletes those that are no longer wanted. If one
// fails, the others are still applied.
func (r *Reconciler) applyAll(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	seen.secretsKnown = r.memory.of(keyOf(svc)).secrets.known(svc, r.Now())
	if err := r.planPods(ctx, svc, seen); err != nil {
		return err
	}
	var errs []error
	each := func(objects ...client.Object) {
		for _, object := range objects {
			errs = append(errs, r.Objects.Apply(ctx, svc, object))
		}
	}
	errs = append(errs, r.applyNetworkPolicies(ctx, svc), r.applyNATS(ctx, svc, seen), r.applyPeers(ctx, svc, seen), r.applyConfig(ctx, svc, seen))
	each(
		resources.GatewayServiceAccount(svc),
		resources.GatewayService(svc),
		resources.GatewayDisruptionBudget(svc),
	)
	errs = append(errs, r.applyGateways(ctx, svc, seen), r.applyAPI(ctx, svc), r.expose(ctx, svc, seen), r.scaleGateways(ctx, svc), r.removeNATS(ctx, svc))
	return errors.Join(errs...)
}

// applyAPI applies the Service for programs that publish, or deletes it.
func (r *Reconciler) applyAPI(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	if service := resources.APIService(svc); service != nil {
		return r.Objects.Apply(ctx, svc, service)
	}
	return r.Objects.Remove(ctx, svc, r.Client, &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: resources.APIName(svc.Name), Namespace: svc.Namespace},
	})
}

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
