// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// withGateways is a service with gateways one and two that run its configuration.
func withGateways(t *testing.T) (s *service, one, two client.ObjectKey) {
	t.Helper()
	c, namespace := useCluster(t)
	s = create(t, c, namespace, "spec: {gateway: {replicas: 2}, namespaces: [{name: /}]}")
	s.awaitObjects()
	s.startNATS()
	s.rollOut()
	inForce := func(g *fakeGateway) { g.status.ConfigHash = gatewaystatus.Revision([]byte(s.config())) }
	one = s.startGateway(t, namespace, "chat", "one", inForce)
	two = s.startGateway(t, namespace, "chat", "two", inForce)
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, reasonReady)
	return s, one, two
}

func addNamespace(spec *v1alpha1.RealtimeServiceSpec) {
	spec.Namespaces = append(spec.Namespaces, v1alpha1.Namespace{Name: "/more"})
}

func TestConfigurationReachesGateways(t *testing.T) {
	s, one, two := withGateways(t)
	if n := len(s.gateways.touches(one)) + len(s.gateways.touches(two)); n != 0 {
		t.Errorf("gateways that run the configuration were touched %d times", n)
	}
	deployment := &appsv1.Deployment{}
	s.get("chat-gateway", deployment)
	s.gateways.set(two, func(g *fakeGateway) { g.late = 2 })

	changed := time.Now()
	s.edit(addNamespace)
	s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionTrue, reasonInForce)
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, reasonReady)
	t.Logf("in force after %v", time.Since(changed).Round(10*time.Millisecond))

	revision := gatewaystatus.Revision([]byte(s.config()))
	if touches := s.gateways.touches(one); len(touches) != 1 || !strings.HasPrefix(touches[0], revision+"@") {
		t.Errorf("the gateway whose kubelet was in time was touched %q", touches)
	}
	// Its kubelet had nothing new at two touches.
	if touches := s.gateways.touches(two); len(touches) != 3 {
		t.Errorf("the gateway whose kubelet was late was touched %q", touches)
	}
	after := &appsv1.Deployment{}
	s.get("chat-gateway", after)
	if after.Generation != deployment.Generation {
		t.Error("the Deployment rolls")
	}
}

func TestGatewayThatComesWithAnOldConfigurationIsBroughtForward(t *testing.T) {
	s, _, _ := withGateways(t)
	three := s.startGateway(t, s.namespace, "chat", "three", func(g *fakeGateway) { g.status.ConfigHash = "0123456789abcdef" })
	eventually(t, "it is touched", func() error { return want("touches", len(s.gateways.touches(three)), 1) })
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionTrue, reasonInForce, "3 gateways")
}

func TestGatewayThatRefusesIsShown(t *testing.T) {
	s, one, _ := withGateways(t)
	s.gateways.set(one, func(g *fakeGateway) { g.refuses = "spec.namespaces[1]: unheard of" })
	s.edit(addNamespace)
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionFalse, reasonRefused, "one keeps the old configuration", "unheard of")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, reasonRefused)
}

func TestGatewayThatIsNotReadyIsNotWaitedFor(t *testing.T) {
	s, one, _ := withGateways(t)
	s.gateways.set(one, func(g *fakeGateway) { g.refuses = "never" })
	pod := &corev1.Pod{}
	s.get("one", pod)
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	if err := s.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	s.edit(addNamespace)
	s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionTrue, reasonInForce)
}

func TestInvalidServiceIsShownAndKeepsTheLastGoodConfiguration(t *testing.T) {
	c, namespace := useCluster(t, unjudged)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	good := s.config()
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Namespaces[0].Handlers = []v1alpha1.Handler{{Event: "hi", When: "args[0", Do: []v1alpha1.Action{{Ack: "[]"}}}}
		spec.Gateway.Image = "mine:1"
	})
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionFalse, reasonInvalid, "spec.namespaces[0].handlers[0].when", "Syntax error")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, reasonInvalid)
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	if s.config() != good {
		t.Error("gateways get what they cannot run")
	}

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Namespaces[0].Handlers[0].When = "true" })
	await(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return contains(config.Data["service.yaml"], `when: "true"`)
	})
}

func TestTouchDue(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return "new@" + now.Add(-d).Format(time.RFC3339Nano) }
	for name, test := range map[string]struct {
		annotation string
		want       bool
	}{
		"never touched":              {"", true},
		"touched for another":        {"old@" + now.Format(time.RFC3339Nano), true},
		"touched a moment ago":       {at(900 * time.Millisecond), false},
		"touched a second ago":       {at(time.Second), true},
		"touched by somebody's hand": {"new", true},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{resources.AnnotationConfigHash: test.annotation}}}
		if got := touchDue(pod, "new", now, time.Second); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestShortened(t *testing.T) {
	for _, test := range []struct {
		text, want string
		limit      int
	}{
		{"short", "short", 5},
		{"longer", "lo…", 5},
		{"你好世界", "你…", 7},
		{"你好世界", "你好…", 9},
	} {
		if got := shortened(test.text, test.limit); got != test.want || len(got) > test.limit {
			t.Errorf("shortened(%q, %d) = %q", test.text, test.limit, got)
		}
	}
}
