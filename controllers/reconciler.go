// SPDX-License-Identifier: Apache-2.0

// Package controllers turns RealtimeServices into the objects that they own, and the state of these
// into the services' status.
//
// Package apply writes the objects. The number of gateways has a field manager of its own, so that
// it can be handed over to an autoscaler.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/api/validation"
	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/claims"
	"github.com/realtime-operator/realtime-operator/controllers/monitoring"
	"github.com/realtime-operator/realtime-operator/controllers/status"
	"github.com/realtime-operator/realtime-operator/controllers/updates"
)

// What the operator may do in the namespaces of its services; rights_test.go fails if a right is
// missing, or is not used. Secrets are not listed or watched: the operator knows the names of the
// few that it owns, and of those that a service names. ReplicaSets and events are listed only while
// a pod does not start, to say why (docs/decisions/0064-conditions.md). To adopt an object that has
// lost its owner takes the right to delete it, where OwnerReferencesPermissionEnforcement is on.
//
// +kubebuilder:rbac:groups=realtime-operator.io,resources=realtimeservices,verbs=list;watch
// +kubebuilder:rbac:groups=realtime-operator.io,resources=realtimeservices/status,verbs=patch
// +kubebuilder:rbac:groups=realtime-operator.io,resources=realtimeservices/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=configmaps;serviceaccounts;services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=pods/status,verbs=patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=list
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=list;create;patch

// steadyInterval is how often a service is reconciled when nothing happens, for its number of
// connections.
const steadyInterval = 10 * time.Second

// Reconciler reconciles the cluster with its services. Safe for concurrent use on different
// services.
type Reconciler struct {
	// Client writes, and reads from the cache.
	Client client.Client
	// Reader reads from the API server.
	Reader client.Reader
	// Objects applies the objects of services.
	Objects *apply.Applier
	// Claims decides which services are this installation's.
	Claims *claims.Claims
	// Events records events for people.
	Events events.EventRecorder
	// Gateway asks a gateway pod for its status.
	Gateway StatusFunc
	// Push pushes something to a gateway pod.
	Push PushFunc
	// Metrics are told when certificates expire; nil without metrics.
	Metrics *monitoring.Collector
	// Now is the clock.
	Now func() time.Time
	// GatewayImage and NATSImage are for services that name none.
	GatewayImage, NATSImage string
	// AssignedUserIDs leaves the user and group ids of pods to the cluster.
	AssignedUserIDs bool
	// Namespace is the namespace of the operator's pods; empty outside a cluster.
	Namespace string
	// Release is the operator's release.
	Release string
	// Turns lets services be updated in turns.
	Turns updates.Turns

	memory memory
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// Reconcile reconciles one service. An error is reported in the service's conditions, and the
// reconciliation is retried.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	svc := &v1alpha1.RealtimeService{}
	if err := r.Client.Get(ctx, request.NamespacedName, svc); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.memory.forget(request.NamespacedName)
			r.Objects.Forget(request.NamespacedName)
			r.Turns.Give(request.NamespacedName)
			r.Metrics.Forget("", request.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("read the service: %w", err)
	}
	if !svc.DeletionTimestamp.IsZero() {
		r.Turns.Give(request.NamespacedName)
		return ctrl.Result{}, nil // the garbage collector does the rest
	}

	if pause, err := r.claim(ctx, svc); pause > 0 || err != nil {
		return ctrl.Result{RequeueAfter: pause}, err
	}
	if updates.Paused(svc) {
		return r.reconcilePaused(ctx, svc)
	}
	seen := observation{Observation: status.Observation{Invalid: validation.Service(svc)}}
	seen.ApplyErr = r.applyAll(ctx, svc, &seen)
	if apierrors.HasStatusCause(seen.ApplyErr, corev1.NamespaceTerminatingCause) {
		return ctrl.Result{}, nil // the service is deleted with its namespace, and nothing can be created in it
	}
	if apierrors.IsConflict(seen.ApplyErr) {
		return ctrl.Result{RequeueAfter: firstRetry}, nil // somebody else has written meanwhile, which the next reconciliation sees
	}
	observeErr := r.observe(ctx, svc, &seen)
	if observeErr == nil {
		observeErr = r.followClients(ctx, svc, &seen)
	}
	pace := r.configure(ctx, svc, &seen)
	if seen.gatewaysWait {
		pace = min(pace, askPace)
	}
	r.handCredentials(ctx, svc, &seen)
	updateErr := r.concludeUpdate(ctx, svc, &seen)
	statusErr := r.writeStatus(ctx, svc, &seen)
	if apierrors.IsConflict(statusErr) {
		statusErr, pace = nil, firstRetry // the cache is outdated, but not for long
	}
	err := errors.Join(seen.ApplyErr, observeErr, updateErr, statusErr)
	if r.doubtSecrets(svc, &seen, err) {
		pace = min(pace, askPace)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: pace}, nil
}

func keyOf(svc *v1alpha1.RealtimeService) types.NamespacedName {
	return client.ObjectKeyFromObject(svc)
}
