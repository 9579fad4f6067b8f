// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// writeStatus writes the status if it has changed. It fails with a conflict if svc, which comes
// from the cache, is outdated: a status that is based on it would give unchanged conditions a new
// transition time.
func (r *Reconciler) writeStatus(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	before := svc.DeepCopy()
	fillStatus(svc, seen)
	r.tellTrouble(svc)
	if equality.Semantic.DeepEqual(before.Status, svc.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	err := r.Client.Status().Patch(ctx, svc, patch, client.FieldOwner(v1alpha1.FieldManager))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	return nil
}

func fillStatus(svc *v1alpha1.RealtimeService, seen *observation) {
	status := &svc.Status
	status.ObservedGeneration = svc.Generation
	status.Replicas = 0
	if seen.deployment != nil {
		status.Replicas = seen.deployment.Status.Replicas
	}
	// The Deployment's own count lags behind the pods.
	status.ReadyReplicas = int32(len(seen.ready()))
	status.Gateways = fmt.Sprintf("%d/%d", status.ReadyReplicas, wantedGateways(svc, seen))
	status.Connections = seen.connections()
	status.Selector = labels.SelectorFromSet(resources.GatewaySelector(svc.Name)).String()
	for _, condition := range conditions(svc, seen) {
		condition.ObservedGeneration = svc.Generation
		condition.Message = shortened(condition.Message, messageLimit)
		meta.SetStatusCondition(&status.Conditions, condition)
	}
}

// wantedGateways returns how many gateways there should be, according to the service or the
// autoscaler.
func wantedGateways(svc *v1alpha1.RealtimeService, seen *observation) int32 {
	if svc.Spec.Gateway.Autoscaling == nil {
		return ptr.Deref(svc.Spec.Gateway.Replicas, 1)
	}
	if seen.deployment == nil {
		return ptr.Deref(svc.Spec.Gateway.Autoscaling.MinReplicas, 1)
	}
	return ptr.Deref(seen.deployment.Spec.Replicas, 1)
}

// tellTrouble records an event, once, for a problem of a service that a person must solve.
func (r *Reconciler) tellTrouble(svc *v1alpha1.RealtimeService) {
	remembered := r.memory.of(keyOf(svc))
	trouble := ""
	ready := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady)
	switch ready.Reason {
	case reasonInvalid, reasonApplyFailed, reasonRefused:
		trouble = ready.Message
	}
	if trouble != "" && trouble != remembered.told {
		r.event(svc, nil, corev1.EventTypeWarning, ready.Reason, "Reconcile", "%s", trouble)
	}
	remembered.told = trouble
}
