// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
)

func TestGatewaysOfAServiceGetWhatTheyShowToEachOther(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	secret := &corev1.Secret{}
	s.get("chat-gateway-peers", secret)
	keys := slices.Sorted(maps.Keys(secret.Data))
	if want := slices.Sorted(slices.Values(certificates.PeerKeys())); !slices.Equal(keys, want) {
		t.Errorf("the Secret has %q, want %q", keys, want)
	}

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	after := &corev1.Secret{}
	s.get("chat-gateway-peers", after)
	if after.ResourceVersion != secret.ResourceVersion {
		t.Error("the Secret was written again")
	}

	o := create(t, c, c.newNamespace(t), plain)
	o.awaitObjects()
	o.get("chat-gateway-peers", after)
	for _, key := range keys {
		if bytes.Equal(after.Data[key], secret.Data[key]) {
			t.Errorf("two services have the same %s", key)
		}
	}

	// What is broken is made anew.
	change(s, "chat-gateway-peers", after, func(secret *corev1.Secret) { delete(secret.Data, gatewaypeers.Key) })
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:2" })
	await(s, "chat-gateway-peers", after, func(secret *corev1.Secret) error {
		if len(secret.Data[gatewaypeers.Key]) == 0 {
			return errors.New("the key stays away")
		}
		return nil
	})
}

func TestAnothersSecretIsLeftAlone(t *testing.T) {
	c, namespace := useCluster(t)
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "chat-gateway-peers"}}
	if err := c.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	s := create(t, c, namespace, plain)
	eventually(t, "a condition tells", func() error {
		if text := fmt.Sprint(s.live().Status.Conditions); !bytes.Contains([]byte(text), []byte("Secret chat-gateway-peers exists")) {
			return errors.New(text)
		}
		return nil
	})
	s.get("chat-gateway-peers", theirs)
	if len(theirs.Data) != 0 {
		t.Error("it was written over")
	}
}
