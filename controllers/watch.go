// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

const (
	// servicesAtOnce is how many services are reconciled at the same time: each mostly waits for
	// the API server and for its gateways' answers. Those of a lost node keep many waiting for
	// statusTimeout.
	servicesAtOnce = 32
	// firstRetry and lastRetry bound the pauses after errors. The obstacle may disappear unnoticed,
	// such as another's object with the same name.
	firstRetry = 50 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// SetupWithManager registers the reconciler for services, the objects that they own, and their
// gateway pods.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &corev1.Pod{}, indexService, servicesOf); err != nil {
		return fmt.Errorf("index pods: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("realtimeservice").
		// Our own writes of the status cause no reconciliation. Annotations pause a service, and
		// request updates.
		For(&v1alpha1.RealtimeService{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Owns(&appsv1.Deployment{}).
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.ConfigMap{}).
		Owns(&corev1.PersistentVolumeClaim{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&policyv1.PodDisruptionBudget{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Owns(&networkingv1.Ingress{}).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(serviceOf), builder.WithPredicates(podTurned())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: servicesAtOnce,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(r)
}

// indexService is the name of the index of pods by their service. A list by labels alone looks at
// all pods of the namespace.
const indexService = "service"

func servicesOf(object client.Object) []string {
	return []string{object.GetLabels()[resources.LabelService]}
}

func serviceOf(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[resources.LabelService]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
}

// podTurned passes only those changes of a pod that change which gateways are asked for their
// status, or what keeps it from starting.
func podTurned() predicate.Predicate {
	type sight struct {
		phase   corev1.PodPhase
		address string
		ready   bool
		problem status.Problem
	}
	look := func(object client.Object) sight {
		pod, ok := object.(*corev1.Pod)
		if !ok {
			return sight{}
		}
		return sight{pod.Status.Phase, pod.Status.PodIP, podReady(pod), status.OfPod(pod)}
	}
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return look(e.ObjectOld) != look(e.ObjectNew) },
	}
}
