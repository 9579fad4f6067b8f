// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

func TestOwnNATSGivesWayToANamedOne(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.rollOut()
	secret := &corev1.Secret{}
	s.get("chat-nats-credentials", secret)

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.NATS = &v1alpha1.NATSSpec{URLs: []string{"nats://elsewhere:4222"}}
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		if args := d.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--nats-url=nats://elsewhere:4222") {
			return fmt.Errorf("its gateways are started with %q", args)
		}
		return nil
	})
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionUnknown, status.ReasonStarting)
	s.get("chat-nats", &appsv1.StatefulSet{}) // gateways of the old template still use it
	s.get("chat-nats-credentials", secret)

	s.rollOut()
	for _, key := range []string{"Secret chat-nats-credentials", "Secret chat-nats-tls", "StatefulSet chat-nats", "Service chat-nats", "ConfigMap chat-nats-config", "ServiceAccount chat-nats", "PodDisruptionBudget chat-nats"} {
		s.awaitGone(nameIn(key), owned()[key])
	}

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.NATS = nil })
	await(s, "chat-nats", &appsv1.StatefulSet{}, there)
	fresh := &corev1.Secret{}
	await(s, "chat-nats-credentials", fresh, there)
	if string(fresh.Data["password"]) == string(secret.Data["password"]) {
		t.Error("the password is that of a Secret that was deleted")
	}
}

func TestCredentialsAreMadeOnceAndStay(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	secret := &corev1.Secret{}
	s.get("chat-nats-credentials", secret)
	if len(secret.Data["password"]) < 64 {
		t.Errorf("the password has %d characters", len(secret.Data["password"]))
	}
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	after := &corev1.Secret{}
	s.get("chat-nats-credentials", after)
	if after.ResourceVersion != secret.ResourceVersion {
		t.Error("the Secret was written again")
	}

	o := create(t, c, c.newNamespace(t), plain)
	o.awaitObjects()
	o.get("chat-nats-credentials", after)
	if string(after.Data["password"]) == string(secret.Data["password"]) {
		t.Error("two services have the same password")
	}
}

func TestLostPasswordRestartsNATS(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *service){
		"the key is deleted": func(_ *testing.T, s *service) {
			change(s, "chat-nats-credentials", &corev1.Secret{}, func(secret *corev1.Secret) { delete(secret.Data, "password") })
		},
		"the Secret is deleted": func(t *testing.T, s *service) {
			secret := &corev1.Secret{}
			s.get("chat-nats-credentials", secret)
			if err := s.Delete(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, namespace := useCluster(t)
			s := create(t, c, namespace, plain)
			s.awaitObjects()
			before := &appsv1.StatefulSet{}
			s.get("chat-nats", before)
			lose(t, s)
			await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error {
				if fmt.Sprint(set.Spec.Template.Annotations) == fmt.Sprint(before.Spec.Template.Annotations) {
					return errors.New("NATS goes on with the old password")
				}
				return nil
			})
		})
	}
}

// A kubelet on its own brings a new password within a minute or two.
func TestGatewaysThatTheirNATSRefusesAreHandedItsPassword(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.startNATS()
	s.rollOut()
	key := s.startGateway(t, namespace, "chat", "one", func(g *fakeGateway) {
		g.status.ConfigHash = gatewaystatus.Revision([]byte(s.config()))
	})
	s.awaitCondition(v1alpha1.ConditionNATSAvailable, metav1.ConditionTrue, status.ReasonAvailable)
	if n := len(c.gateways.credentials(key)); n != 0 {
		t.Errorf("a gateway that is connected was handed credentials %d times", n)
	}
	c.gateways.set(key, func(g *fakeGateway) { g.status.NATS = "reconnecting" })
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonDisconnected, "NATS is ready; 1 of 1 gateways are not connected")
	eventually(t, "it is handed the password", func() error {
		secret := &corev1.Secret{}
		s.get("chat-nats-credentials", secret)
		given := c.gateways.credentials(key)
		if len(given) == 0 {
			return errors.New("it is handed none")
		}
		return errors.Join(want("the user", given[0].Username, string(secret.Data["username"])), want("the password", given[0].Password, string(secret.Data["password"])))
	})
}

func TestANamedNATSGetsNoCredentialsFromTheOperator(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {nats: {urls: ['nats://elsewhere:4222']}, namespaces: [{name: /}]}")
	s.awaitObjects()
	key := s.startGateway(t, namespace, "chat", "one", func(g *fakeGateway) { g.status.NATS = "reconnecting" })
	s.awaitMessage(v1alpha1.ConditionNATSAvailable, metav1.ConditionFalse, status.ReasonDisconnected, "1 of 1 gateways are not connected")
	s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce)
	if n := len(c.gateways.credentials(key)); n != 0 {
		t.Errorf("credentials were handed over %d times", n)
	}
}
