// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// applyAll applies all objects of the service, and deletes those that are no longer wanted. If one
// fails, the others are still applied.
func (r *Reconciler) applyAll(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
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
