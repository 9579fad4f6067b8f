// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"os"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The webhook of an operator that is away refuses what it would have to check, and nothing else.
func TestWebhookThatDoesNotAnswerHoldsNothingElseUp(t *testing.T) {
	c, namespace := useCluster(t, unjudged)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	c.installDeadWebhook(t, namespace)

	refused := func(err error) error {
		if err == nil {
			return errors.New("the API server does not ask the webhook")
		}
		return contains(err.Error(), "failed calling webhook")
	}
	eventually(t, "a new service is refused", func() error {
		return refused(c.Create(t.Context(), parse(t, namespace, "metadata: {name: another}\n"+plain), client.DryRunAll))
	})
	svc := s.live()
	changed := svc.DeepCopy()
	changed.Spec.Gateway.Service.Port = 81
	if err := refused(c.Patch(t.Context(), changed, client.MergeFrom(svc))); err != nil {
		t.Error(err)
	}

	change(s, "chat", svc, func(svc *v1alpha1.RealtimeService) {
		svc.Labels = map[string]string{"team": "a"}
		svc.Annotations = map[string]string{"note": "b"}
	})
	if err := c.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "another", Namespace: namespace}}); err != nil {
		t.Error(err)
	}
	foreground := metav1.DeletePropagationForeground
	if err := c.Delete(t.Context(), svc, &client.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		t.Fatal(err)
	}
	// As the garbage collector does when the objects of the service are gone.
	s.get("chat", svc)
	if svc.DeletionTimestamp == nil || len(svc.Finalizers) != 1 {
		t.Fatalf("its finalizers are %v", svc.Finalizers)
	}
	change(s, "chat", svc, func(svc *v1alpha1.RealtimeService) { svc.Finalizers = nil })
	s.awaitGone("chat", svc)
}

// installDeadWebhook installs config/webhook for one namespace, with an address where nobody
// listens.
func (c *cluster) installDeadWebhook(t *testing.T, namespace string) {
	t.Helper()
	source, err := os.ReadFile("../config/webhook/configuration.yaml")
	if err != nil {
		t.Fatal(err)
	}
	configuration := &admissionv1.ValidatingWebhookConfiguration{}
	if err := yaml.UnmarshalStrict(source, configuration); err != nil {
		t.Fatal(err)
	}
	configuration.Name = "dead-in-" + namespace
	url := "https://127.0.0.1:1/"
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].ClientConfig = admissionv1.WebhookClientConfig{URL: &url}
		configuration.Webhooks[i].NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	}
	if err := c.Create(t.Context(), configuration); err != nil {
		t.Fatal(err)
	}
}
