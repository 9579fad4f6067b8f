// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

func TestWebTransportIsTurnedOnAndOff(t *testing.T) {
	c, namespace := useCluster(t)
	// The UDP port may have the number of the TCP port.
	s := create(t, c, namespace, "spec: {gateway: {service: {port: 443}}, namespaces: [{name: /}]}")
	s.awaitObjects()
	ports := func(wanted ...string) {
		t.Helper()
		await(s, "chat", &corev1.Service{}, func(service *corev1.Service) error {
			var got []string
			for _, port := range service.Spec.Ports {
				got = append(got, fmt.Sprintf("%s %s %d", port.Name, port.Protocol, port.Port))
			}
			return want("ports", fmt.Sprint(got), fmt.Sprint(wanted))
		})
	}
	ports("socketio TCP 443")

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Protocol.WebTransport = &v1alpha1.WebTransportSpec{TLSSecretRef: v1alpha1.SecretReference{Name: "chat-tls"}}
	})
	ports("socketio TCP 443", "webtransport UDP 443")
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		last := d.Spec.Template.Spec.Volumes[len(d.Spec.Template.Spec.Volumes)-1]
		return errors.Join(
			want("containers' ports", len(d.Spec.Template.Spec.Containers[0].Ports), 4),
			want("whether the certificate is mounted", last.Secret != nil && last.Secret.SecretName == "chat-tls", true),
		)
	})

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Protocol.WebTransport = nil })
	ports("socketio TCP 443")
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("containers' ports", len(d.Spec.Template.Spec.Containers[0].Ports), 3)
	})
}

func TestMissingCertificateIsTold(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {protocol: {webTransport: {tlsSecretRef: {name: chat-tls}}}, namespaces: [{name: /}]}")
	s.awaitMessage(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionFalse, status.ReasonSecretMissing, "Secret chat-tls, which spec.protocol.webTransport names, does not exist")

	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "chat-tls"},
		Data:       map[string][]byte{corev1.TLSCertKey: []byte("certificate")},
	}
	if err := c.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	s.startNATS() // makes the operator look
	s.awaitMessage(v1alpha1.ConditionGatewaysAvailable, metav1.ConditionFalse, status.ReasonKeyMissing, "Secret chat-tls, which spec.protocol.webTransport names, has no tls.key")

	change(s, "chat-tls", secret, func(secret *corev1.Secret) { secret.Data[corev1.TLSPrivateKeyKey] = []byte("key") })
	s.rollOut()
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		for _, condition := range svc.Status.Conditions {
			if condition.Type == v1alpha1.ConditionGatewaysAvailable {
				return want("the message", condition.Message, "0 of 1 gateways are ready")
			}
		}
		return errors.New("there is no condition")
	})
}
