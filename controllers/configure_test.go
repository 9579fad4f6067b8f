// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
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
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady)
	return s, one, two
}

// turn makes a gateway pod ready, or not.
func (s *service) turn(name string, ready corev1.ConditionStatus) {
	s.t.Helper()
	pod := &corev1.Pod{}
	s.get(name, pod)
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}
	if err := s.Status().Update(s.t.Context(), pod); err != nil {
		s.t.Fatal(err)
	}
}

// sequence is the number of the configuration that the ConfigMap holds.
func (s *service) sequence() int64 {
	s.t.Helper()
	config := &corev1.ConfigMap{}
	s.get("chat-config", config)
	return gatewayconfig.Sequence(config.Annotations)
}

func addNamespace(spec *v1alpha1.RealtimeServiceSpec) {
	spec.Namespaces = append(spec.Namespaces, v1alpha1.Namespace{Name: "/more"})
}

func TestConfigurationReachesGateways(t *testing.T) {
	s, one, two := withGateways(t)
	if n := len(s.gateways.configs(one)) + len(s.gateways.configs(two)); n != 0 {
		t.Errorf("to gateways that run the configuration it was pushed %d times", n)
	}
	deployment := &appsv1.Deployment{}
	s.get("chat-gateway", deployment)

	changed := time.Now()
	s.edit(addNamespace)
	s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce)
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady)
	t.Logf("in force after %v", time.Since(changed).Round(10*time.Millisecond))

	for _, key := range []client.ObjectKey{one, two} {
		if configs := s.gateways.configs(key); len(configs) != 1 || configs[0] != s.config() {
			t.Errorf("%s was pushed %q", key.Name, configs)
		}
	}
	after := &appsv1.Deployment{}
	s.get("chat-gateway", after)
	if after.Generation != deployment.Generation {
		t.Error("the Deployment rolls")
	}
}

func TestGatewayThatComesWithAnOldConfigurationIsBroughtForward(t *testing.T) {
	s, one, _ := withGateways(t)
	old := func(g *fakeGateway) { g.status.ConfigHash = "0123456789abcdef" }
	three := s.startGateway(t, s.namespace, "chat", "three", old)
	pushes := func(n int) func() error {
		return func() error { return want("pushes", len(s.gateways.configs(three)), n) }
	}
	eventually(t, "it is pushed to", pushes(1))
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce, "3 gateways")

	// Its container starts again, from a volume that is behind.
	s.gateways.set(three, old)
	s.turn("three", corev1.ConditionFalse)
	s.turn("three", corev1.ConditionTrue)
	eventually(t, "it is pushed to again", pushes(2))
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce, "3 gateways")
	if n := len(s.gateways.configs(one)); n != 0 {
		t.Errorf("another one was pushed to %d times", n)
	}
}

// Of events that are the same the second one is a change of the first one. Same they are once
// nothing of the service changes.
func TestGatewayThatFallsBackAgainAndAgainIsToldOfByOneEvent(t *testing.T) {
	s, one, _ := withGateways(t)
	for i := range 4 {
		s.gateways.set(one, func(g *fakeGateway) { g.status.ConfigHash = "0123456789abcdef" })
		change(s, "chat", &corev1.Service{}, func(service *corev1.Service) { // upon which the operator looks
			service.Annotations = map[string]string{"example.com/round": fmt.Sprint(i)}
		})
		eventually(t, "it is pushed to", func() error { return want("pushes", len(s.gateways.configs(one)), i+1) })
	}
	eventually(t, "the event is counted", func() error {
		var list eventsv1.EventList
		if err := s.List(t.Context(), &list, client.InNamespace(s.namespace)); err != nil {
			return err
		}
		for _, e := range list.Items {
			if e.Reason == reasonConfigured && e.Series != nil && e.Series.Count > 1 {
				return nil
			}
		}
		var told []string
		for _, e := range list.Items {
			told = append(told, fmt.Sprintf("%s %s %v", e.Reason, e.Regarding.ResourceVersion, e.Series))
		}
		return fmt.Errorf("none has a series: %q", told)
	})
}

func TestGatewayThatTakesNoPushesGetsTheConfigurationFromTheKubelet(t *testing.T) {
	for name, test := range map[string]struct {
		how func(*fakeGateway)
		say string
	}{
		"of an earlier release":   {func(g *fakeGateway) { g.old = true }, "one is of an earlier release"},
		"behind a network policy": {func(g *fakeGateway) { g.deaf = true }, "one does not take it on port 7443"},
	} {
		t.Run(name, func(t *testing.T) {
			s, one, _ := withGateways(t)
			s.gateways.set(one, test.how)
			s.edit(addNamespace)
			s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionFalse, status.ReasonPropagating, "1 of 2 gateways", test.say)
			s.gateways.set(one, func(g *fakeGateway) { g.status.ConfigHash = gatewaystatus.Revision([]byte(s.config())) })
			s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce)
		})
	}
}

func TestGatewayThatCannotBeReachedIsPushedToAgain(t *testing.T) {
	s, one, _ := withGateways(t)
	s.gateways.set(one, func(g *fakeGateway) { g.deaf = true })
	s.edit(addNamespace)
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionFalse, status.ReasonPropagating, "one does not take it")
	s.gateways.set(one, func(g *fakeGateway) { g.deaf = false })
	s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce)
}

// A number says which of two configurations is the newer one, whoever rendered them.
func TestConfigurationsAreNumbered(t *testing.T) {
	s, one, _ := withGateways(t)
	first := s.sequence()
	if first == 0 {
		t.Fatal("the first configuration has no number")
	}
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	if n := s.sequence(); n != first {
		t.Errorf("the same configuration has number %d, and had %d", n, first)
	}
	grows := func(what string, than int64) int64 {
		t.Helper()
		eventually(t, what, func() error {
			if n := s.sequence(); n <= than {
				return fmt.Errorf("the number is %d, and was %d", n, than)
			}
			return nil
		})
		return s.sequence()
	}
	s.edit(addNamespace)
	second := grows("another configuration has a larger number", first)

	// By hand: what is set back must replace it everywhere.
	change(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) {
		config.Data["service.yaml"] = strings.Replace(config.Data["service.yaml"], "/more", "/other", 1)
	})
	third := grows("what is set back has a larger number", second)
	await(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return errors.Join(contains(config.Data["service.yaml"], "/more"),
			want("the numbers agree", strings.Contains(config.Data["service.yaml"], config.Annotations[gatewayconfig.AnnotationSequence]), true))
	})

	config := &corev1.ConfigMap{}
	s.get("chat-config", config)
	if err := s.Delete(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	await(s, "chat-config", &corev1.ConfigMap{}, func(fresh *corev1.ConfigMap) error {
		return want("whether it is another", fresh.UID != config.UID, true)
	})
	grows("a deleted one has a larger number", third)
	eventually(t, "the gateway runs the newest", func() error {
		s.gateways.mu.Lock()
		defer s.gateways.mu.Unlock()
		return want("its configuration", s.gateways.pods[one].status.ConfigHash, gatewaystatus.Revision([]byte(s.config())))
	})
}

func objectsOf(s *service) *apply.Applier {
	return &apply.Applier{Client: s, Reader: s, Labels: resources.Identity, Now: time.Now}
}

// As an earlier operator has written it, which an update of the operator alone must not replace
// everywhere.
func TestConfigurationWithoutANumberIsLeftUntilItChanges(t *testing.T) {
	s, _, _ := withGateways(t)
	svc := s.live()
	unnumbered, err := resources.ConfigMap(svc, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Client: s, Reader: s, Objects: objectsOf(s), Now: time.Now}
	change(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) {
		config.Data, config.Annotations = unnumbered.Data, nil
	})
	await(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return want("whether it is left", config.Data["service.yaml"] == unnumbered.Data["service.yaml"], true)
	})
	s.edit(addNamespace)
	eventually(t, "it has a number", func() error { return want("whether it has", s.sequence() > 0, true) })
	if wanted, _, err := r.numberedConfig(t.Context(), s.live()); err != nil || wanted.Data["service.yaml"] != s.config() {
		t.Errorf("looked at again, it has another number: %v", err)
	}
}

// The cache hears of what was written a moment later.
func TestConfigurationIsNotNumberedTwiceForACacheThatIsBehind(t *testing.T) {
	s, _, _ := withGateways(t)
	old := &corev1.ConfigMap{}
	s.get("chat-config", old)
	s.edit(addNamespace)
	await(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return contains(config.Data["service.yaml"], "/more")
	})
	r := &Reconciler{Client: fake.NewClientBuilder().WithObjects(old).Build(), Reader: s, Objects: objectsOf(s), Now: time.Now}
	wanted, _, err := r.numberedConfig(t.Context(), s.live())
	if err != nil || wanted.Data["service.yaml"] != s.config() || wanted.ResourceVersion != "" {
		t.Errorf("it is to be written again, as %+v, %v", wanted, err)
	}
}

// Two operators are at work for a moment when the lead changes. No number may stand for two
// contents.
func TestOfTwoOperatorsThatWriteAtOnceOneLooksAgain(t *testing.T) {
	s, _, _ := withGateways(t)
	r := &Reconciler{Client: s, Reader: s, Objects: objectsOf(s), Now: time.Now}
	changed := s.live()
	addNamespace(&changed.Spec)
	wanted, live, err := r.numberedConfig(t.Context(), changed)
	if err != nil {
		t.Fatal(err)
	}
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Namespaces = append(spec.Namespaces, v1alpha1.Namespace{Name: "/theirs"})
	})
	await(s, "chat-config", &corev1.ConfigMap{}, func(config *corev1.ConfigMap) error {
		return contains(config.Data["service.yaml"], "/theirs")
	})
	if err := r.Objects.ApplyOver(t.Context(), changed, live, wanted); !apierrors.IsConflict(err) {
		t.Errorf("the second one writes over the first one's: %v", err)
	}
}

func TestGatewayThatRefusesIsShown(t *testing.T) {
	s, one, _ := withGateways(t)
	s.gateways.set(one, func(g *fakeGateway) { g.refuses = "spec.namespaces[1]: unheard of" })
	s.edit(addNamespace)
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionFalse, status.ReasonRefused, "one keeps the old configuration", "unheard of")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonRefused)
}

// A gateway that starts has mounted what was there, and one that leaves has clients.
func TestGatewayThatIsNotReadyIsPushedTo(t *testing.T) {
	s, one, _ := withGateways(t)
	s.turn("one", corev1.ConditionFalse)
	s.edit(addNamespace)
	eventually(t, "it is pushed to", func() error { return want("pushes", len(s.gateways.configs(one)), 1) })
}

func TestGatewayThatIsNotReadyIsNotWaitedFor(t *testing.T) {
	s, one, _ := withGateways(t)
	s.gateways.set(one, func(g *fakeGateway) { g.refuses = "never" })
	s.turn("one", corev1.ConditionFalse)
	s.edit(addNamespace)
	s.awaitCondition(v1alpha1.ConditionConfigured, metav1.ConditionTrue, status.ReasonInForce)
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
	s.awaitMessage(v1alpha1.ConditionConfigured, metav1.ConditionFalse, status.ReasonInvalid, "spec.namespaces[0].handlers[0].when", "Syntax error")
	s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonInvalid)
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

func TestPushDue(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		last push
		want bool
	}{
		"never pushed":        {push{}, true},
		"another was pushed":  {push{revision: "old", at: now}, true},
		"pushed a moment ago": {push{revision: "new", at: now.Add(-900 * time.Millisecond)}, false},
		"pushed a second ago": {push{revision: "new", at: now.Add(-time.Second)}, true},
	} {
		if got := test.last.due("new", now, time.Second); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
