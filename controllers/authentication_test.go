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

func TestSecretsOfAuthenticationComeAndGo(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, `
spec:
  authentication:
  - {name: users, jwt: {issuer: i, audiences: [c], hmac: {secretRef: {name: keys}}}, allow: "claims.a", user: "claims.b", message: 认证失败}
  - {name: devices, tokens: {secretRef: {name: devices}, from: [header.authorization, query.token]}}
  namespaces: [{name: /, authentication: [users, devices], anonymous: true}]
`)
	mounted := func(secrets ...string) func(*appsv1.Deployment) error {
		return func(d *appsv1.Deployment) error {
			pod := d.Spec.Template.Spec
			var errs []error
			for _, name := range []string{"devices", "keys"} {
				i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Secret != nil && v.Secret.SecretName == name })
				errs = append(errs, want(name+" is mounted", i >= 0, slices.Contains(secrets, name)))
			}
			return errors.Join(append(errs,
				want("there is a folder", slices.Contains(pod.Containers[0].Args, "--authentication-dir=/etc/realtime/authentication"), len(secrets) > 0))...)
		}
	}
	await(s, "chat-gateway", &appsv1.Deployment{}, mounted("devices", "keys"))
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Authentication = spec.Authentication[:1]
		spec.Namespaces[0].Authentication = []string{"users"}
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, mounted("keys"))
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Authentication = nil
		spec.Namespaces[0].Authentication, spec.Namespaces[0].Anonymous = nil, false
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, mounted())
}
