// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// awaitPlaintext waits until the configuration of NATS lets clients in without TLS, or does not.
func (s *service) awaitPlaintext(taken bool) {
	s.t.Helper()
	await(s, "chat-nats-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return want("whether plaintext is taken", resources.NATSTakesPlaintext(config), taken)
	})
}

// awaitNATSRestart waits until the pod template of NATS is another one than before, and returns it.
func (s *service) awaitNATSRestart(before string) string {
	s.t.Helper()
	template := ""
	await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error {
		data, err := json.Marshal(set.Spec.Template)
		if template = string(data); template == before {
			return errors.New("NATS is not restarted")
		}
		return err
	})
	return template
}

// earlierNATS is a configuration of a release that did not encrypt.
const earlierNATS = "port: 4222\n"

// bringBackEarlierNATS has NATS as an earlier release left it, for gateways that are there already,
// and waits until the operator lets plaintext in. It tries again, since a reconciliation that began
// before may not know the pods, or write what it has read before; an operator that is updated finds
// all of it when it starts.
func (s *service) bringBackEarlierNATS() {
	s.t.Helper()
	config := &corev1.ConfigMap{}
	eventually(s.t, "plaintext is let in", func() error {
		change(s, "chat-nats-config", config, func(config *corev1.ConfigMap) { config.Data["nats.conf"] = earlierNATS })
		await(s, "chat-nats-config", config, func(config *corev1.ConfigMap) error {
			if config.Data["nats.conf"] == earlierNATS {
				return errors.New("it is that of the earlier release")
			}
			return nil
		})
		return want("whether plaintext is taken", resources.NATSTakesPlaintext(config), true)
	})
}

func TestNATSOfANewServiceTakesNoPlaintext(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	s.awaitPlaintext(false)

	// Not for a pod that says that it is old either.
	s.startGateway(t, namespace, "chat", "old", func(*fakeGateway) {})
	change(s, "chat-nats-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) { config.Labels["touched"] = "yes" })
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	s.awaitPlaintext(false)
}

func TestAnUpdateLeavesPlaintextOnUntilTheLastGatewayHasLeft(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	encrypted := s.awaitNATSRestart("")
	for _, name := range []string{"old-1", "old-2"} {
		s.startGateway(t, namespace, "chat", name, func(*fakeGateway) {})
	}
	s.bringBackEarlierNATS()
	both := s.awaitNATSRestart(encrypted)

	remove := func(name string) {
		t.Helper()
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if err := c.Delete(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
	}
	remove("old-1")
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	if s.awaitPlaintext(true); s.awaitNATSRestart("") != both {
		t.Error("NATS is restarted before the last gateway has left")
	}
	remove("old-2")
	s.awaitPlaintext(false)
	if s.awaitNATSRestart(both) != encrypted {
		t.Error("after the update NATS is not as in a new service")
	}
}

func TestAnAgeingCertificateOfNATSIsRenewed(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	svc, secret := s.live(), &corev1.Secret{}
	s.get("chat-nats-tls", secret)
	_, first := resources.NATSCertificate(svc, secret.Data)
	ageing, err := certificates.RenewNATS(nil, resources.NATSHosts(svc), false, time.Now().AddDate(0, 0, -181))
	if err != nil {
		t.Fatal(err)
	}
	change(s, "chat-nats-tls", secret, func(secret *corev1.Secret) { maps.Copy(secret.Data, ageing) })

	await(s, "chat-nats-tls", secret, func(secret *corev1.Secret) error {
		if bytes.Equal(secret.Data["tls.crt"], ageing["tls.crt"]) {
			return errors.New("the certificate is the old one")
		}
		return nil
	})
	if !bytes.Equal(secret.Data["ca.crt"], ageing["ca.crt"]) {
		t.Error("its authority was replaced too")
	}
	for key := range secret.Data {
		if strings.Contains(key, first.Certificate) {
			t.Errorf("the Secret keeps %s", key)
		}
	}
	await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error {
		for _, volume := range set.Spec.Template.Spec.Volumes {
			if volume.Secret != nil && bytes.Equal(secret.Data[volume.Secret.Items[0].Key], secret.Data["tls.crt"]) {
				return nil
			}
		}
		return errors.New("its pod does not mount the renewed certificate")
	})
}
