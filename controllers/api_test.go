// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestAPIComesAndGoes(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {api: {tokenSecretRef: {name: tokens}}, gateway: {service: {type: LoadBalancer}}, namespaces: [{name: /}]}")
	await(s, "chat-api", &corev1.Service{}, func(service *corev1.Service) error {
		return errors.Join(
			want("the type", service.Spec.Type, corev1.ServiceTypeClusterIP),
			want("the port", service.Spec.Ports[0].Port, 8080),
		)
	})
	mounts := func(secret string) func(*appsv1.Deployment) error {
		return func(d *appsv1.Deployment) error {
			return want("the tokens are mounted", slices.ContainsFunc(d.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
				return v.Secret != nil && v.Secret.SecretName == secret
			}), s.live().Spec.API != nil)
		}
	}
	await(s, "chat-gateway", &appsv1.Deployment{}, mounts("tokens"))

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.API = nil })
	s.awaitGone("chat-api", &corev1.Service{})
	await(s, "chat-gateway", &appsv1.Deployment{}, mounts("tokens"))
}
