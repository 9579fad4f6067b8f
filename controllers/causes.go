// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// This file finds out why pods do not start. ReplicaSets and events are asked for only while one
// does not: they are neither cached nor watched.

// podPatience is how long a pod may take to start before its events are read.
const podPatience = 10 * time.Second

// revisionAnnotation of a Deployment and of its newest ReplicaSet have the same number.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// rolloutProblem returns what keeps gateways with the newest pod template from starting. Those of
// an older one are on their way out.
func (r *Reconciler) rolloutProblem(ctx context.Context, svc *v1alpha1.RealtimeService, d *appsv1.Deployment) (status.Problem, error) {
	if problem := status.OfDeployment(d); problem.Reason != "" || d.Status.ObservedGeneration < d.Generation {
		return problem, nil
	}
	newest, err := r.newestReplicaSet(ctx, svc, d)
	if err != nil || newest == nil {
		return status.Problem{}, err
	}
	pods, err := r.gatewayPods(ctx, svc)
	if err != nil {
		return status.Problem{}, err
	}
	pods = slices.DeleteFunc(pods, func(pod corev1.Pod) bool {
		const hash = appsv1.DefaultDeploymentUniqueLabelKey
		return pod.Labels[hash] != newest.Labels[hash]
	})
	if problem, err := r.podsProblem(ctx, pods); problem.Reason != "" || err != nil {
		return problem, err
	}
	return status.OfReplicaSet(newest), nil
}

func (r *Reconciler) newestReplicaSet(ctx context.Context, svc *v1alpha1.RealtimeService, d *appsv1.Deployment) (*appsv1.ReplicaSet, error) {
	var sets appsv1.ReplicaSetList
	err := r.Reader.List(ctx, &sets, client.InNamespace(svc.Namespace), client.MatchingLabels(resources.GatewaySelector(svc.Name)))
	if err != nil {
		return nil, fmt.Errorf("list the gateways' ReplicaSets: %w", err)
	}
	for i := range sets.Items {
		if sets.Items[i].Annotations[revisionAnnotation] == d.Annotations[revisionAnnotation] {
			return &sets.Items[i], nil
		}
	}
	return nil, nil
}

// podsProblem returns what keeps one of some pods from starting: the first one of which its status
// says so, or the first whose events do.
func (r *Reconciler) podsProblem(ctx context.Context, pods []corev1.Pod) (status.Problem, error) {
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for i := range pods {
		if problem := status.OfPod(&pods[i]); problem.Reason != "" {
			return problem, nil
		}
	}
	for i := range pods {
		pod := &pods[i]
		if podReady(pod) || !pod.DeletionTimestamp.IsZero() || r.Now().Sub(pod.CreationTimestamp.Time) < podPatience {
			continue
		}
		last, err := r.lastEvent(ctx, pod)
		return status.OfEvent(last.Type, last.Reason, last.Note), err
	}
	return status.Problem{}, nil
}

// observeNATS observes the service's own NATS.
func (r *Reconciler) observeNATS(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	set := &appsv1.StatefulSet{}
	key := client.ObjectKey{Namespace: svc.Namespace, Name: resources.NATSSetName(svc.Name, svc.Spec.NATSServers())}
	err := r.Client.Get(ctx, key, set)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read StatefulSet %s: %w", key.Name, err)
	}
	applied := r.Objects.Generation(svc, "StatefulSet", key.Name)
	wanted := ptr.Deref(set.Spec.Replicas, 1)
	seen.NATSServers = set.Status.ReadyReplicas
	seen.NATSReady = seen.NATSServers >= status.Quorum(svc)
	seen.Rollout.NATS = set.Status.ObservedGeneration >= max(set.Generation, applied) && set.Status.UpdatedReplicas >= wanted
	if seen.NATSServers >= wanted && seen.Rollout.NATS || set.Status.ObservedGeneration < set.Generation {
		return nil
	}
	seen.NATSProblem, err = r.natsProblem(ctx, svc, set)
	return err
}

// natsProblem returns what keeps the service's own NATS from starting.
func (r *Reconciler) natsProblem(ctx context.Context, svc *v1alpha1.RealtimeService, set *appsv1.StatefulSet) (status.Problem, error) {
	if problem, err := r.claimsProblem(ctx, svc); problem.Reason != "" || err != nil {
		return problem, err
	}
	var pods corev1.PodList
	if err := r.listPods(ctx, svc, &pods, resources.NATSSelector(svc.Name)); err != nil {
		return status.Problem{}, fmt.Errorf("list the pods of NATS: %w", err)
	}
	if problem, err := r.podsProblem(ctx, pods.Items); problem.Reason != "" || err != nil {
		return problem, err
	}
	if len(pods.Items) >= int(ptr.Deref(set.Spec.Replicas, 1)) {
		return status.Problem{}, nil
	}
	// A StatefulSet has no condition for a pod that is refused.
	last, err := r.lastEvent(ctx, set)
	return status.OfEvent(last.Type, last.Reason, last.Note), err
}

// claimsProblem returns why a claim of the service's own NATS has no volume.
func (r *Reconciler) claimsProblem(ctx context.Context, svc *v1alpha1.RealtimeService) (status.Problem, error) {
	for _, claim := range resources.NATSClaims(svc) {
		if problem, err := r.claimProblem(ctx, claim); problem.Reason != "" || err != nil {
			return problem, err
		}
	}
	return status.Problem{}, nil
}

func (r *Reconciler) claimProblem(ctx context.Context, claim *corev1.PersistentVolumeClaim) (status.Problem, error) {
	live := &corev1.PersistentVolumeClaim{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(claim), live)
	if apierrors.IsNotFound(err) {
		return status.Problem{}, nil
	}
	if err != nil {
		return status.Problem{}, fmt.Errorf("read PersistentVolumeClaim %s: %w", claim.Name, err)
	}
	if live.Status.Phase == corev1.ClaimBound {
		return status.Problem{}, nil
	}
	last, err := r.lastEvent(ctx, live)
	return status.OfClaim(live, last.Note), err
}

// lastEvent returns the newest event about an object; an empty one if there is none.
func (r *Reconciler) lastEvent(ctx context.Context, about client.Object) (eventsv1.Event, error) {
	var list eventsv1.EventList
	err := r.Reader.List(ctx, &list, client.InNamespace(about.GetNamespace()), client.MatchingFields{"regarding.uid": string(about.GetUID())})
	if err != nil || len(list.Items) == 0 {
		return eventsv1.Event{}, client.IgnoreNotFound(err)
	}
	return slices.MaxFunc(list.Items, func(a, b eventsv1.Event) int { return lastTime(&a).Compare(lastTime(&b)) }), nil
}

// lastTime returns when an event has happened last. Which field says so depends on who has recorded
// it.
func lastTime(e *eventsv1.Event) time.Time {
	last := e.CreationTimestamp.Time
	for _, t := range []time.Time{e.EventTime.Time, e.DeprecatedLastTimestamp.Time} {
		if t.After(last) {
			last = t
		}
	}
	if e.Series != nil && e.Series.LastObservedTime.After(last) {
		last = e.Series.LastObservedTime.Time
	}
	return last
}
