// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
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
	if seen.plan.made {
		seen.UpToDate = ptr.To(seen.plan.standing.Condition())
	}
	status.Fill(svc, &seen.Observation, labels.SelectorFromSet(resources.GatewaySelector(svc.Name)).String())
	fillExposure(svc, seen)
	fillRelease(&svc.Status, seen)
	r.rememberRollout(svc)
	if equality.Semantic.DeepEqual(before.Status, svc.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	err := r.Client.Status().Patch(ctx, svc, patch, client.FieldOwner(v1alpha1.FieldManager))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.tellTroubles(svc, before.Status.Conditions)
	r.tellPaused(svc, before.Status.Conditions)
	if !seen.plan.standing.Updating {
		r.Turns.Give(keyOf(svc))
	}
	return nil
}

// rememberRollout remembers what is rolled out.
func (r *Reconciler) rememberRollout(svc *v1alpha1.RealtimeService) {
	progressing := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionProgressing)
	if progressing.Reason == status.ReasonRolledOut {
		remembered := r.memory.of(keyOf(svc))
		remembered.rolledOut = remembered.deployment
	}
}

// tellTroubles records an event, once, for each problem that a person must solve. The status is
// where it is remembered, so that another operator does not repeat it.
func (r *Reconciler) tellTroubles(svc *v1alpha1.RealtimeService, before []metav1.Condition) {
	for _, trouble := range status.NewTroubles(before, svc.Status.Conditions) {
		r.event(svc, nil, corev1.EventTypeWarning, trouble.Reason, "Reconcile", "%s", trouble.Message)
	}
}
