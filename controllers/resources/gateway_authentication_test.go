// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func entries(secrets ...string) func(*v1alpha1.RealtimeServiceSpec) {
	return func(spec *v1alpha1.RealtimeServiceSpec) {
		for _, secret := range secrets {
			ref := v1alpha1.SecretReference{Name: secret}
			spec.Authentication = append(spec.Authentication,
				v1alpha1.Authentication{Name: "tokens-" + secret, Tokens: &v1alpha1.TokenAuthentication{SecretRef: ref}},
				v1alpha1.Authentication{Name: "hmac-" + secret, JWT: &v1alpha1.JWTAuthentication{HMAC: &v1alpha1.HMACSource{SecretRef: ref}}},
				v1alpha1.Authentication{Name: "jwks-" + secret, JWT: &v1alpha1.JWTAuthentication{JWKS: &v1alpha1.JWKSSource{SecretRef: &ref}}},
			)
		}
		spec.Authentication = append(spec.Authentication, v1alpha1.Authentication{
			Name: "remote", JWT: &v1alpha1.JWTAuthentication{JWKS: &v1alpha1.JWKSSource{URL: "https://id.example.com/keys"}},
		})
	}
}

func TestGatewaysHaveTheSecretsOfAuthentication(t *testing.T) {
	long := strings.Repeat("a", 60) + "." + strings.Repeat("b", 60)
	pod := GatewayDeployment(service(t, entries("users", long)), "image").Spec.Template.Spec
	container := pod.Containers[0]
	if !slices.Contains(container.Args, "--authentication-dir=/etc/realtime/authentication") {
		t.Errorf("args %q", container.Args)
	}
	mounted := map[string]string{} // by Secret
	for _, v := range pod.Volumes {
		if !strings.HasPrefix(v.Name, "authentication-") {
			continue
		}
		i := slices.IndexFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name && m.ReadOnly })
		if i < 0 || !*v.Secret.Optional || v.Secret.Items != nil || len(v.Name) > 63 {
			t.Fatalf("volume %+v, mounts %+v", v, container.VolumeMounts)
		}
		mounted[v.Secret.SecretName] = container.VolumeMounts[i].MountPath
	}
	want := map[string]string{"users": "/etc/realtime/authentication/users", long: "/etc/realtime/authentication/" + long}
	if diff := cmp.Diff(want, mounted); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Who says who clients are may need authorities, and a token of the gateways.
func TestGatewaysHaveWhatProgramsAreAskedWith(t *testing.T) {
	ref := func(name string) *v1alpha1.SecretReference { return &v1alpha1.SecretReference{Name: name} }
	pod := GatewayDeployment(service(t, func(spec *v1alpha1.RealtimeServiceSpec) {
		corporate := &v1alpha1.CASource{ConfigMapRef: &v1alpha1.ConfigMapReference{Name: "corporate"}, Key: "ca.crt"}
		spec.Authentication = []v1alpha1.Authentication{
			{Name: "web", Webhook: &v1alpha1.WebhookAuthentication{URL: "https://a.example", CA: corporate, CredentialsSecretRef: ref("gateway")}},
			{Name: "jwks", JWT: &v1alpha1.JWTAuthentication{JWKS: &v1alpha1.JWKSSource{URL: "https://b.example", CA: &v1alpha1.CASource{SecretRef: ref("issuer")}}}},
			{Name: "again", Webhook: &v1alpha1.WebhookAuthentication{URL: "https://c.example", CA: corporate}},
			{Name: "bus", NATS: &v1alpha1.NATSAuthentication{Subject: "who"}},
		}
	}), "image").Spec.Template.Spec
	container := pod.Containers[0]
	if !slices.Contains(container.Args, "--authentication-dir=/etc/realtime/authentication") {
		t.Errorf("args %q", container.Args)
	}
	mounted := map[string]string{} // by path
	for _, m := range container.VolumeMounts {
		i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name && strings.HasPrefix(v.Name, "authentication-") })
		if i < 0 {
			continue
		}
		switch v := pod.Volumes[i]; {
		case v.Secret != nil && *v.Secret.Optional:
			mounted[m.MountPath] = "Secret " + v.Secret.SecretName
		case v.ConfigMap != nil && *v.ConfigMap.Optional:
			mounted[m.MountPath] = "ConfigMap " + v.ConfigMap.Name
		}
	}
	want := map[string]string{
		"/etc/realtime/authentication/gateway":               "Secret gateway",
		"/etc/realtime/authentication/issuer":                "Secret issuer",
		"/etc/realtime/authentication/_configmaps/corporate": "ConfigMap corporate",
	}
	if diff := cmp.Diff(want, mounted); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOnlySecretsThatComeOrGoReplaceGateways(t *testing.T) {
	template := func(edit ...func(*v1alpha1.RealtimeServiceSpec)) corev1.PodTemplateSpec {
		return GatewayDeployment(service(t, edit...), "image").Spec.Template
	}
	one := template(entries("a", "b"))
	other := template(entries("b", "a", "b"), func(spec *v1alpha1.RealtimeServiceSpec) { spec.Authentication[0].Message = "no" })
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("another order of the same Secrets:\n%s", diff)
	}
	if diff := cmp.Diff(template(), template(entries())); diff != "" {
		t.Errorf("keys that are fetched:\n%s", diff)
	}
}
