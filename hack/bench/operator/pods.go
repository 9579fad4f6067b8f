// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// pods stands for the controllers of Deployments and StatefulSets, the scheduler and the kubelets:
// all pods are made, and are ready, at once.
type pods struct {
	*cluster
	gateways *gateways
}

// startPods runs it until the context ends.
func startPods(ctx context.Context, c *cluster, g *gateways) error {
	manager, err := ctrl.NewManager(c.config, ctrl.Options{Scheme: c.scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		return fmt.Errorf("simulate controllers: %w", err)
	}
	p := &pods{c, g}
	options := controller.Options{MaxConcurrentReconciles: 16, SkipNameValidation: ptr.To(true)}
	for kind, f := range map[client.Object]reconcile.Func{&appsv1.Deployment{}: p.deployment(manager.GetClient()), &appsv1.StatefulSet{}: p.statefulSet(manager.GetClient())} {
		if err := ctrl.NewControllerManagedBy(manager).For(kind).Named(fmt.Sprintf("%T", kind)).WithOptions(options).Complete(f); err != nil {
			return fmt.Errorf("simulate controllers: %w", err)
		}
	}
	go func() { _ = manager.Start(ctx) }()
	return nil
}

func (p *pods) deployment(cached client.Reader) reconcile.Func {
	return func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		d := &appsv1.Deployment{}
		if err := cached.Get(ctx, request.NamespacedName, d); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err)
		}
		if d.Status.ObservedGeneration == d.Generation {
			return reconcile.Result{}, nil
		}
		wanted, service := ptr.Deref(d.Spec.Replicas, 1), d.Labels[resources.LabelService]
		for n := range wanted {
			name := fmt.Sprintf("%s-%d", d.Name, n)
			address, err := p.gateways.start(ctx, p.cluster, service, name)
			if err != nil {
				return reconcile.Result{}, err
			}
			if err := p.run(ctx, name, address, &d.Spec.Template); err != nil {
				return reconcile.Result{}, err
			}
		}
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: wanted, UpdatedReplicas: wanted, ReadyReplicas: wanted, AvailableReplicas: wanted,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"},
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
			},
		}
		return again(p.Status().Update(ctx, d))
	}
}

func (p *pods) statefulSet(cached client.Reader) reconcile.Func {
	return func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		s := &appsv1.StatefulSet{}
		if err := cached.Get(ctx, request.NamespacedName, s); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err)
		}
		if s.Status.ObservedGeneration == s.Generation {
			return reconcile.Result{}, nil
		}
		wanted := ptr.Deref(s.Spec.Replicas, 1)
		for n := range wanted {
			if err := p.run(ctx, fmt.Sprintf("%s-%d", s.Name, n), "192.0.2.1", &s.Spec.Template); err != nil {
				return reconcile.Result{}, err
			}
		}
		s.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: s.Generation, Replicas: wanted, UpdatedReplicas: wanted, ReadyReplicas: wanted, AvailableReplicas: wanted,
			CurrentRevision: s.Name + "-1", UpdateRevision: s.Name + "-1",
		}
		return again(p.Status().Update(ctx, s))
	}
}

// again retries after a conflict, of which there are many.
func again(err error) (reconcile.Result, error) {
	if apierrors.IsConflict(err) {
		return reconcile.Result{}, nil // the newer version is on its way
	}
	return reconcile.Result{}, err
}

// run makes a pod that is ready, unless it is there.
func (p *pods) run(ctx context.Context, name, address string, template *corev1.PodTemplateSpec) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: template.Labels, Annotations: template.Annotations},
		Spec:       template.Spec,
	}
	if err := p.Create(ctx, pod); apierrors.IsAlreadyExists(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("make pod %s: %w", name, err)
	}
	pod.Status = corev1.PodStatus{
		Phase:      corev1.PodRunning,
		PodIP:      address,
		PodIPs:     []corev1.PodIP{{IP: address}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}},
	}
	if err := p.Status().Update(ctx, pod); err != nil {
		return fmt.Errorf("make pod %s ready: %w", name, err)
	}
	return nil
}
