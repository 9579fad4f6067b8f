// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/api/validation"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// ScaleFieldManager is the field manager of the number of gateways.
const ScaleFieldManager = v1alpha1.FieldManager + "-scale"

// How fast the number of gateways goes down to spec.gateway.replicas after autoscaling was removed:
// the first waits for a person who has not meant it, and each other one for the clients of the
// last.
const (
	descentWait = 5 * time.Minute
	descentPace = time.Minute
)

// scaleGateways applies or deletes the autoscaler, and sets the number of gateways unless it is the
// autoscaler's.
func (r *Reconciler) scaleGateways(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	a := svc.Spec.Gateway.Autoscaling
	err := r.autoscale(ctx, svc)
	if err != nil && (a == nil || !a.OnCPU()) {
		return err // an autoscaler is there whose number must not get lost
	}
	return errors.Join(err, r.scale(ctx, svc))
}

// scale sets the number of gateways, or leaves it to an autoscaler.
func (r *Reconciler) scale(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	deployment, err := r.deployment(ctx, svc)
	if err != nil || deployment == nil {
		return err // when the cache has the new Deployment, the service is reconciled again
	}
	a := svc.Spec.Gateway.Autoscaling
	if (a == nil || !a.OnCPU()) && !appliesScale(deployment) {
		// The number may have been an autoscaler's a moment ago, and the cache outdated.
		if err := r.Reader.Get(ctx, client.ObjectKeyFromObject(deployment), deployment); err != nil {
			return fmt.Errorf("read Deployment %s: %w", deployment.Name, err)
		}
	}
	r.tellIgnoredReplicas(svc)
	switch {
	case a == nil && descends(svc, deployment):
		return r.descend(ctx, svc, deployment)
	case a == nil:
		return r.scaleTo(ctx, svc, deployment, ptr.Deref(svc.Spec.Gateway.Replicas, 1), "")
	case !a.OnCPU():
		floor, err := r.floor(ctx, svc)
		if err != nil {
			return err
		}
		return r.scaleTo(ctx, svc, deployment, floor.Floor, resources.IgnoredReplicas(svc))
	case ptr.Deref(deployment.Spec.Replicas, 1) == 0:
		// An autoscaler treats zero replicas as switched off.
		return r.applyReplicas(ctx, svc, a.LeastReplicas(), "")
	}
	return r.releaseReplicas(ctx, deployment)
}

// scaleTo sets the number of gateways; see resources.GatewayReplicas for ignored. If there are to
// be fewer, those with the fewest clients leave.
func (r *Reconciler) scaleTo(ctx context.Context, svc *v1alpha1.RealtimeService, deployment *appsv1.Deployment, wanted int32, ignored string) error {
	replicas := ptr.Deref(deployment.Spec.Replicas, 1)
	if replicas == wanted && appliesScale(deployment) && resources.IgnoredBy(deployment) == ignored {
		return nil
	}
	var costsErr error
	if wanted < replicas && wanted > 0 {
		costsErr = r.writeCosts(ctx, svc)
	}
	return errors.Join(costsErr, r.applyReplicas(ctx, svc, wanted, ignored))
}

func (r *Reconciler) applyReplicas(ctx context.Context, svc *v1alpha1.RealtimeService, replicas int32, ignored string) error {
	return r.Objects.ApplyAs(ctx, ScaleFieldManager, resources.GatewayReplicas(svc, replicas, ignored))
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

// descends reports whether there are more gateways than spec.gateway.replicas says, because an
// autoscaler has chosen their number that is no longer there. Nobody has set replicas with its
// removal, or since, so it may be the default: it is not reached at once. Zero is no default.
func descends(svc *v1alpha1.RealtimeService, deployment *appsv1.Deployment) bool {
	wanted := ptr.Deref(svc.Spec.Gateway.Replicas, 1)
	return svc.Spec.Gateway.Autoscaling == nil && deployment != nil && wanted > 0 &&
		ptr.Deref(deployment.Spec.Replicas, 1) > wanted && resources.IgnoredBy(deployment) == resources.IgnoredReplicas(svc)
}

// descend removes a gateway, if it is time for one.
func (r *Reconciler) descend(ctx context.Context, svc *v1alpha1.RealtimeService, deployment *appsv1.Deployment) error {
	state, now := &r.memory.of(keyOf(svc)).scaling, r.Now()
	if state.descent.IsZero() {
		state.descent = now.Add(descentWait)
	}
	pods, err := r.gatewayPods(ctx, svc)
	if err != nil {
		return err
	}
	replicas := ptr.Deref(deployment.Spec.Replicas, 1)
	if now.Before(state.descent) || living(pods) > int(replicas) || !status.RolledOut(deployment) {
		return r.scaleTo(ctx, svc, deployment, replicas, resources.IgnoredReplicas(svc))
	}
	state.descent = now.Add(descentPace)
	ignored := resources.IgnoredReplicas(svc)
	if replicas-1 == ptr.Deref(svc.Spec.Gateway.Replicas, 1) {
		ignored = "" // there it is
	}
	return r.scaleTo(ctx, svc, deployment, replicas-1, ignored)
}

// living returns the number of pods that have not ended. One that was evicted stays as a record.
func living(pods []corev1.Pod) (n int) {
	for i := range pods {
		if phase := pods[i].Status.Phase; phase != corev1.PodSucceeded && phase != corev1.PodFailed {
			n++
		}
	}
	return n
}

// autoscale applies the autoscaler, or deletes it.
func (r *Reconciler) autoscale(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	floor, err := r.floor(ctx, svc)
	if err != nil {
		return err
	}
	if autoscaler := resources.GatewayAutoscaler(svc, floor.Floor); autoscaler != nil {
		return r.Objects.Apply(ctx, svc, autoscaler)
	}
	if err := r.takeOver(ctx, svc); err != nil {
		return err
	}
	unwanted := &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: metav1.ObjectMeta{Name: resources.GatewayName(svc.Name), Namespace: svc.Namespace},
	}
	return r.Objects.Remove(ctx, svc, r.Client, unwanted)
}

// takeOver takes the number of gateways from an autoscaler that is about to be deleted, as it is,
// and has the Deployment say whose it was.
func (r *Reconciler) takeOver(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	autoscaler, err := r.autoscaler(ctx, svc)
	if err != nil || autoscaler == nil {
		return err
	}
	deployment, err := r.deployment(ctx, svc)
	if err != nil || deployment == nil {
		return err
	}
	state, replicas := &r.memory.of(keyOf(svc)).scaling, ptr.Deref(deployment.Spec.Replicas, 1)
	state.descent = time.Time{}
	if a := svc.Spec.Gateway.Autoscaling; a != nil && state.floor != nil {
		state.floor.Hold(replicas, a, r.Now()) // CPU does not count any more; what it has started leaves after the window
	}
	// An autoscaler of an earlier release does not say what it has ignored.
	return r.applyReplicas(ctx, svc, replicas, cmp.Or(resources.IgnoredBy(autoscaler), resources.IgnoredReplicas(svc)))
}

// autoscaler returns the service's HorizontalPodAutoscaler, nil if there is none.
func (r *Reconciler) autoscaler(ctx context.Context, svc *v1alpha1.RealtimeService) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	autoscaler := &autoscalingv2.HorizontalPodAutoscaler{}
	key := client.ObjectKey{Namespace: svc.Namespace, Name: resources.GatewayName(svc.Name)}
	err := r.Client.Get(ctx, key, autoscaler)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read HorizontalPodAutoscaler %s: %w", key.Name, err)
	}
	if foreignOrLeaving := r.Objects.Check("HorizontalPodAutoscaler "+key.Name, autoscaler, svc); foreignOrLeaving != nil {
		return nil, nil //nolint:nilerr // it decides nothing, or nothing any more
	}
	return autoscaler, nil
}

// tellIgnoredReplicas records an event when somebody sets the number of gateways while an
// autoscaler does, as with kubectl scale.
func (r *Reconciler) tellIgnoredReplicas(svc *v1alpha1.RealtimeService) {
	state, replicas := &r.memory.of(keyOf(svc)).scaling, ptr.Deref(svc.Spec.Gateway.Replicas, 1)
	before := state.replicas
	state.replicas = &replicas
	if svc.Spec.Gateway.Autoscaling == nil || before == nil || *before == replicas {
		return
	}
	r.event(svc, nil, corev1.EventTypeWarning, reasonReplicasIgnored, "Scale", "%s", validation.IgnoredReplicas(replicas, svc.Spec.Gateway.Autoscaling))
}
