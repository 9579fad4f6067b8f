// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// ScaleFieldManager is the field manager of the number of gateways.
const ScaleFieldManager = v1alpha1.FieldManager + "-scale"

// scale sets the number of gateways, or leaves it to an autoscaler.
func (r *Reconciler) scale(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	deployment, err := r.deployment(ctx, svc)
	if err != nil || deployment == nil {
		return err // when the cache has the new Deployment, the service is reconciled again
	}
	replicas := ptr.Deref(deployment.Spec.Replicas, 1)
	if autoscaling := svc.Spec.Gateway.Autoscaling; autoscaling != nil {
		if replicas == 0 {
			// An autoscaler treats zero replicas as switched off.
			return r.applyReplicas(ctx, svc, ptr.Deref(autoscaling.MinReplicas, 1))
		}
		return r.releaseReplicas(ctx, deployment)
	}
	wanted := ptr.Deref(svc.Spec.Gateway.Replicas, 1)
	if replicas == wanted && appliesScale(deployment) {
		return nil
	}
	return r.applyReplicas(ctx, svc, wanted)
}

func (r *Reconciler) applyReplicas(ctx context.Context, svc *v1alpha1.RealtimeService, replicas int32) error {
	return r.Objects.ApplyAs(ctx, ScaleFieldManager, resources.GatewayReplicas(svc, replicas))
}

func appliesScale(deployment *appsv1.Deployment) bool {
	return slices.ContainsFunc(deployment.ManagedFields, ofScale)
}

func ofScale(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == ScaleFieldManager && entry.Operation == metav1.ManagedFieldsOperationApply
}

// releaseReplicas gives up ownership of the number of gateways without changing it. Applying
// without the field would remove it, and the API server would default it to 1.
func (r *Reconciler) releaseReplicas(ctx context.Context, deployment *appsv1.Deployment) error {
	if !appliesScale(deployment) {
		return nil
	}
	if err := r.Objects.Disown(ctx, deployment, ofScale); err != nil {
		return fmt.Errorf("leave the number of gateways to the autoscaler: %w", err)
	}
	return nil
}

// autoscale applies the autoscaler, or deletes it.
func (r *Reconciler) autoscale(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	if autoscaler := resources.GatewayAutoscaler(svc); autoscaler != nil {
		return r.Objects.Apply(ctx, svc, autoscaler)
	}
	unwanted := &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: metav1.ObjectMeta{Name: resources.GatewayName(svc.Name), Namespace: svc.Namespace},
	}
	return r.Objects.Remove(ctx, svc, r.Client, unwanted)
}
