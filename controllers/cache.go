// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// cacheOptions cache the objects of services, and no other object of the cluster.
func cacheOptions(namespaces []string) (cache.Options, error) {
	requirement, err := labels.NewRequirement(resources.LabelService, selection.Exists, nil)
	if err != nil {
		return cache.Options{}, err
	}
	ours := labels.NewSelector().Add(*requirement)
	byObject := map[client.Object]cache.ByObject{
		// The list of managers determines whether we own the number of gateways.
		&appsv1.Deployment{}: {Label: ours, Transform: asItIs},
		&corev1.Pod{}:        {Label: ours, Transform: withoutPodSpec},
	}
	for _, object := range []client.Object{
		&appsv1.StatefulSet{},
		&corev1.ConfigMap{},
		&corev1.PersistentVolumeClaim{},
		&corev1.Service{},
		&corev1.ServiceAccount{},
		&policyv1.PodDisruptionBudget{},
		&networkingv1.NetworkPolicy{},
		&networkingv1.Ingress{},
		&autoscalingv2.HorizontalPodAutoscaler{},
	} {
		byObject[object] = cache.ByObject{Label: ours, Transform: withForeignManagers}
	}
	options := cache.Options{
		ByObject:         byObject,
		DefaultTransform: cache.TransformStripManagedFields(),
		// Other kinds must not be read from the cache.
		ReaderFailOnMissingInformer: true,
	}
	for _, namespace := range namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options, nil
}

func asItIs(object any) (any, error) { return object, nil }

// withForeignManagers leaves the managers in an object that may have written what is ours. There
// are none, as a rule, and ours would take more memory than the rest of the object.
func withForeignManagers(object any) (any, error) {
	if o, ok := object.(client.Object); ok {
		o.SetManagedFields(slices.DeleteFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return !apply.Foreign(e) }))
	}
	return object, nil
}

// withoutPodSpec returns only the metadata and status of a pod.
func withoutPodSpec(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.Spec = corev1.PodSpec{}
		pod.ManagedFields = nil
	}
	return object, nil
}
