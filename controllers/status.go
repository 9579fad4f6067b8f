// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// writeStatus writes the status if it has changed. It fails with a conflict if svc, which comes
// from the cache, is outdated: a status that is based on it would give unchanged conditions a new
// transition time.
func (r *Reconciler) writeStatus(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	before := svc.DeepCopy()
	status.Fill(svc, &seen.Observation, labels.SelectorFromSet(resources.GatewaySelector(svc.Name)).String())
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

// tellTrouble records an event, once, for a problem of a service that a person must solve.
func (r *Reconciler) tellTrouble(svc *v1alpha1.RealtimeService) {
	remembered := r.memory.of(keyOf(svc))
	trouble := ""
	ready := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady)
	switch ready.Reason {
	case status.ReasonInvalid, status.ReasonApplyFailed, status.ReasonRefused:
		trouble = ready.Message
	}
	if trouble != "" && trouble != remembered.told {
		r.event(svc, nil, corev1.EventTypeWarning, ready.Reason, "Reconcile", "%s", trouble)
	}
	remembered.told = trouble
}
