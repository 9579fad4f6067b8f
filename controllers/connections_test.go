// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

const onConnections = "spec: {gateway: {autoscaling: {minReplicas: 2, maxReplicas: 8, targetConnections: 100, headroom: 1}}, namespaces: [{name: /}]}"

// The whole way, by the operator of the cluster.
func TestConnectionsRaiseTheFloor(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, onConnections)
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	await(s, "chat-gateway", hpa, func(h *autoscalingv2.HorizontalPodAutoscaler) error {
		return want("minReplicas", *h.Spec.MinReplicas, 2)
	})
	before := hpa.DeepCopy()
	for _, name := range []string{"one", "two"} {
		s.startGateway(t, namespace, "chat", name, func(g *fakeGateway) { g.status.Connections = 200 })
	}
	await(s, "chat-gateway", hpa, func(h *autoscalingv2.HorizontalPodAutoscaler) error {
		return want("minReplicas", *h.Spec.MinReplicas, 5)
	})
	before.Spec.MinReplicas = ptr.To[int32](5)
	if diff := cmp.Diff(before.Spec, hpa.Spec); diff != "" {
		t.Errorf("more than minReplicas has changed: %s", diff)
	}
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		return want("the status", fmt.Sprint(ptr.Deref(svc.Status.Autoscaling, v1alpha1.AutoscalingStatus{})), "{5 200/100}")
	})
	s.awaitMessage(v1alpha1.ConditionScalingLimited, metav1.ConditionFalse, status.ReasonWithinLimits, "at least 5 and at most 8")
	s.awaitEvent(reasonFloorMoved, "the clients need at least")
}

// scaler is an operator with a clock of its own, on the real API server. The service that it scales
// is not in it, so that the operator of the other tests leaves it alone.
type scaler struct {
	*service
	*Reconciler
	svc *v1alpha1.RealtimeService
	now time.Time
	// writes are what it has written.
	writes []string
	seen   observation
}

func newScaler(t *testing.T, spec v1alpha1.AutoscalingSpec) *scaler {
	t.Helper()
	c, namespace := useCluster(t)
	s := &scaler{
		service: &service{t: t, cluster: c, namespace: namespace, named: "chat"},
		svc: &v1alpha1.RealtimeService{
			TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RealtimeService"},
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "chat", UID: "1"},
		},
		now: time.Now(),
	}
	s.svc.Spec.Gateway.Autoscaling = &spec
	s.restart()
	if err := s.Objects.Apply(t.Context(), s.svc, resources.GatewayDeployment(s.svc, "image")); err != nil {
		t.Fatal(err)
	}
	s.writes = nil
	return s
}

// restart has another operator take over, which knows nothing of the last one.
func (s *scaler) restart() {
	s.t.Helper()
	inner, err := client.NewWithWatch(s.admin, client.Options{Scheme: s.Scheme()})
	if err != nil {
		s.t.Fatal(err)
	}
	recording := interceptor.NewClient(inner, interceptor.Funcs{
		List: listWithoutIndex,
		Apply: func(ctx context.Context, inner client.WithWatch, object runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			s.write("apply", object)
			return inner.Apply(ctx, object, opts...)
		},
		Patch: func(ctx context.Context, inner client.WithWatch, object client.Object, patch client.Patch, opts ...client.PatchOption) error {
			s.write("patch", object)
			return inner.Patch(ctx, object, patch, opts...)
		},
		SubResourcePatch: func(ctx context.Context, inner client.Client, sub string, object client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			s.write("patch "+sub+" of", object)
			return inner.SubResource(sub).Patch(ctx, object, patch, opts...)
		},
	})
	s.Reconciler = &Reconciler{
		Client: recording, Reader: recording, Events: events.NewFakeRecorder(1000),
		Gateway: s.gateways.status, Push: s.gateways.push, Now: func() time.Time { return s.now },
	}
	s.Objects = &apply.Applier{Client: recording, Reader: recording, Event: s.event, Labels: resources.Identity, Now: s.Now}
}

func (s *scaler) write(how string, object any) {
	name := fmt.Sprintf("%T", object)
	if o, ok := object.(interface{ GetName() string }); ok {
		name = o.GetName()
	}
	s.writes = append(s.writes, how+" "+name)
}

// reconcile does what the operator does about the number of gateways, after a while.
func (s *scaler) reconcile(after time.Duration) {
	s.t.Helper()
	s.now = s.now.Add(after)
	s.seen = observation{}
	err := s.scaleGateways(s.t.Context(), s.svc)
	if peers, peersErr := certificates.RenewPeers(nil, s.now); peersErr == nil {
		s.seen.peers = peers
	}
	err = errors.Join(err, s.observe(s.t.Context(), s.svc, &s.seen), s.followClients(s.t.Context(), s.svc, &s.seen))
	if err != nil {
		s.t.Fatal(err)
	}
	status.Fill(s.svc, &s.seen.Observation, "")
}

// reconcileFor does so every ten seconds.
func (s *scaler) reconcileFor(total time.Duration) {
	s.t.Helper()
	for ; total > 0; total -= steadyInterval {
		s.reconcile(steadyInterval)
	}
}

func (s *scaler) start(name string, connections int64) {
	s.t.Helper()
	s.startGateway(s.t, s.namespace, "chat", name, func(g *fakeGateway) { g.status.Connections = connections })
}

// setConnections has a gateway tell another number of clients, or none at all if it is negative.
func (s *scaler) setConnections(name string, connections int64) {
	s.gateways.set(s.key(name), func(g *fakeGateway) {
		g.status.Connections, g.silent = max(connections, 0), connections < 0
	})
}

func (s *scaler) min() int32 {
	s.t.Helper()
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	s.get("chat-gateway", hpa)
	return *hpa.Spec.MinReplicas
}

func (s *scaler) replicas() int32 {
	s.t.Helper()
	d := &appsv1.Deployment{}
	s.get("chat-gateway", d)
	return *d.Spec.Replicas
}

// hold makes the Deployment's number what an autoscaler would, and its status that of a finished
// rollout.
func (s *scaler) hold(replicas int32) {
	s.t.Helper()
	change(s.service, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) { d.Spec.Replicas = &replicas })
	s.rollOut()
}

func (s *scaler) expect(what string, got, wanted int32) {
	s.t.Helper()
	if got != wanted {
		s.t.Errorf("%s: %d, want %d", what, got, wanted)
	}
}

func (s *scaler) limited() string {
	c := meta.FindStatusCondition(s.svc.Status.Conditions, v1alpha1.ConditionScalingLimited)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason
}

func targetOf(connections int32) v1alpha1.AutoscalingSpec {
	return v1alpha1.AutoscalingSpec{
		MinReplicas: ptr.To[int32](2), MaxReplicas: 8, TargetConnections: &connections, TargetCPUUtilizationPercentage: ptr.To[int32](80),
	}
}

func withoutCPU(a v1alpha1.AutoscalingSpec) v1alpha1.AutoscalingSpec {
	a.TargetCPUUtilizationPercentage = ptr.To[int32](0)
	return a
}

func TestTheFloorIsWrittenWhenItChanges(t *testing.T) {
	s := newScaler(t, targetOf(100))
	s.start("one", 200)
	s.start("two", 200)
	s.reconcile(0)
	s.expect("the floor of 400 clients", s.min(), 5)
	s.hold(5)
	s.writes = nil
	s.reconcileFor(10 * time.Minute)
	if len(s.writes) > 0 {
		t.Errorf("in ten minutes in which nothing happens, it has %v", s.writes)
	}
	s.setConnections("two", 520)
	s.reconcile(time.Second)
	s.expect("the floor of 720 clients, within the maximum", s.min(), 8)
	if want := []string{"apply chat-gateway"}; !slices.Equal(s.writes, want) {
		t.Errorf("it has %v, want %v", s.writes, want)
	}
	if got := s.limited(); got != "True TooManyClients" {
		t.Errorf("scaling is limited: %s", got)
	}
	s.setConnections("one", 0)
	s.setConnections("two", 100)
	s.reconcileFor(defaultWindow - steadyInterval)
	s.expect("the floor before the window is over", s.min(), 8)
	s.reconcileFor(2 * steadyInterval)
	s.expect("the floor of 100 clients", s.min(), 2)
}

// defaultWindow is that of an autoscaler that does not say.
const defaultWindow = 5 * time.Minute

func TestTheFloorOutlivesTheOperator(t *testing.T) {
	for name, spec := range map[string]v1alpha1.AutoscalingSpec{"with CPU": targetOf(100), "without": withoutCPU(targetOf(100))} {
		t.Run(name, func(t *testing.T) {
			s := newScaler(t, spec)
			floor := s.min
			if !spec.OnCPU() {
				floor = s.replicas
			}
			s.start("one", 400)
			s.reconcile(0)
			s.expect("the floor", floor(), 5)
			s.setConnections("one", 0)
			s.restart() // an hour later
			s.reconcile(time.Hour)
			s.expect("the floor when the operator is back", floor(), 5)
			s.reconcileFor(defaultWindow - steadyInterval)
			s.expect("the floor before the window is over", floor(), 5)
			s.reconcileFor(2 * steadyInterval)
			s.expect("the floor after it", floor(), 2)
		})
	}
}

func TestSilentGatewaysHoldTheFloor(t *testing.T) {
	s := newScaler(t, targetOf(100))
	s.start("one", 300)
	s.start("two", 300)
	s.reconcile(0)
	s.expect("the floor", s.min(), 7)

	t.Run("which have told something before", func(*testing.T) {
		s.setConnections("one", -1)
		s.setConnections("two", 100)
		s.reconcileFor(15 * time.Minute)
		s.expect("the floor of what they have told", s.min(), 5)
		if got := s.svc.Status.Connections; got != 400 {
			t.Errorf("the status tells %d connections", got)
		}
	})
	t.Run("which have not", func(*testing.T) {
		s.restart()
		s.reconcileFor(15 * time.Minute)
		s.expect("the floor", s.min(), 5)
		if got := s.limited(); got != "True GatewaysSilent" {
			t.Errorf("scaling is limited: %s", got)
		}
		s.setConnections("two", 900)
		s.reconcile(steadyInterval)
		s.expect("the floor, which may rise", s.min(), 8)
	})
	t.Run("until they are gone", func(*testing.T) {
		s.setConnections("two", 100)
		if err := s.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "one"}}, client.GracePeriodSeconds(0)); err != nil {
			t.Fatal(err)
		}
		s.reconcileFor(defaultWindow + steadyInterval)
		s.expect("the floor", s.min(), 2)
	})
	t.Run("and so does a service of which none is ready", func(*testing.T) {
		s.setConnections("two", 500)
		s.reconcile(steadyInterval)
		s.expect("the floor", s.min(), 6)
		s.turn("two", corev1.ConditionFalse)
		s.setConnections("two", 0)
		s.reconcileFor(15 * time.Minute)
		s.expect("the floor", s.min(), 6)
	})
}

func TestGatewaysCannotTellWhatTheyLike(t *testing.T) {
	s := newScaler(t, targetOf(100))
	s.start("one", 300)
	s.start("two", math.MaxInt64)
	s.start("three", math.MaxInt64)
	s.reconcile(0)
	s.expect("the floor of too many", s.min(), 8)
	if got := s.svc.Status.Connections; got != 2*connectionsLimit+300 {
		t.Errorf("there are %d connections", got)
	}
	for _, name := range []string{"two", "three"} {
		s.gateways.set(s.key(name), func(g *fakeGateway) { g.status.Connections = math.MinInt64 })
	}
	s.reconcileFor(defaultWindow + steadyInterval)
	s.expect("the floor of those that can be", s.min(), 4)
}

func TestConnectionsAloneSetTheNumber(t *testing.T) {
	s := newScaler(t, withoutCPU(targetOf(100)))
	s.start("one", 100)
	s.reconcile(0)
	s.expect("gateways", s.replicas(), 2)
	if err := s.Get(t.Context(), s.key("chat-gateway"), &autoscalingv2.HorizontalPodAutoscaler{}); err == nil {
		t.Error("there is an autoscaler")
	}
	s.setConnections("one", 300)
	s.reconcile(steadyInterval)
	s.expect("gateways", s.replicas(), 4)
	s.writes = nil
	s.reconcileFor(time.Minute)
	if len(s.writes) > 0 {
		t.Errorf("at rest it has %v", s.writes)
	}
	s.setConnections("one", 0)
	s.reconcileFor(defaultWindow + steadyInterval)
	s.expect("gateways", s.replicas(), 2)
}

func TestCostsAreWrittenWhenGatewaysMayLeave(t *testing.T) {
	costs := func(s *scaler) string {
		var pods corev1.PodList
		if err := s.List(t.Context(), &pods, client.InNamespace(s.namespace)); err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, pod := range pods.Items {
			list = append(list, pod.Name+"="+pod.Annotations[corev1.PodDeletionCost])
		}
		return strings.Join(list, " ")
	}
	t.Run("by connections", func(t *testing.T) {
		s := newScaler(t, withoutCPU(targetOf(100)))
		s.start("a", 50)
		s.start("b", 10)
		s.start("c", 200)
		s.reconcile(0)
		s.setConnections("c", 20)
		s.reconcileFor(defaultWindow - time.Minute)
		if got := costs(s); got != "a= b= c=" {
			t.Errorf("long before: %s", got)
		}
		s.writes = nil
		s.reconcileFor(30 * time.Second)
		if got := costs(s); got != "a=50 b=10 c=20" {
			t.Errorf("shortly before: %s", got)
		}
		if len(s.writes) != 3 {
			t.Errorf("it has %v", s.writes)
		}
		s.setConnections("a", 5)
		s.reconcileFor(30 * time.Second)
		if got := costs(s); got != "a=5 b=10 c=20" {
			t.Errorf("as they leave: %s", got)
		}
		s.expect("gateways", s.replicas(), 2)
	})
	t.Run("by CPU, at any time", func(t *testing.T) {
		s := newScaler(t, targetOf(100))
		s.start("a", 50)
		s.start("b", 10)
		s.reconcile(0)
		s.hold(3)
		s.reconcile(steadyInterval)
		if got := costs(s); got != "a=50 b=10" {
			t.Errorf("%s", got)
		}
		s.writes = nil
		s.setConnections("b", 60)
		s.reconcileFor(costsPace - steadyInterval)
		if len(s.writes) > 0 {
			t.Errorf("within a minute it has %v", s.writes)
		}
		s.reconcileFor(2 * steadyInterval)
		if got := costs(s); got != "a=50 b=60" {
			t.Errorf("%s", got)
		}
	})
}

func TestAutoscalingThatIsRemoved(t *testing.T) {
	for name, spec := range map[string]v1alpha1.AutoscalingSpec{"with CPU": targetOf(100), "without": withoutCPU(targetOf(100))} {
		t.Run(name, func(t *testing.T) {
			s := newScaler(t, spec)
			s.svc.Spec.Gateway.Replicas = ptr.To[int32](2)
			s.start("one", 300)
			s.reconcile(0)
			s.hold(4)
			s.svc.Spec.Gateway.Autoscaling = nil
			s.reconcile(time.Hour)
			s.expect("gateways at once", s.replicas(), 4)
			s.rollOut()
			s.reconcileFor(descentWait - steadyInterval)
			s.expect("gateways before five minutes", s.replicas(), 4)
			if got := s.limited(); got != "True AutoscalingRemoved" {
				t.Errorf("scaling is limited: %s", got)
			}
			if got := s.svc.Status.Gateways; got != "1/4" {
				t.Errorf("gateways are %s", got)
			}
			s.reconcileFor(3 * steadyInterval)
			s.expect("gateways after that", s.replicas(), 3)
			s.restart()
			s.reconcileFor(descentWait + time.Minute)
			s.expect("gateways as long as the last has not left", s.replicas(), 3)
			for _, name := range []string{"two", "three", "evicted"} {
				s.start(name, 0)
			}
			evicted := &corev1.Pod{}
			s.get("evicted", evicted)
			evicted.Status.Phase = corev1.PodFailed
			if err := s.Status().Update(t.Context(), evicted); err != nil {
				t.Fatal(err)
			}
			s.rollOut()
			s.reconcileFor(steadyInterval)
			s.expect("gateways in the end", s.replicas(), 2)
			s.rollOut()
			s.reconcileFor(15 * time.Minute)
			s.expect("gateways for good", s.replicas(), 2)
			if got := s.limited(); got != "" {
				t.Errorf("scaling is limited: %s", got)
			}
		})
	}
	t.Run("is over when somebody sets replicas", func(t *testing.T) {
		s := newScaler(t, withoutCPU(targetOf(100)))
		s.start("one", 600)
		s.reconcile(0)
		s.svc.Spec.Gateway.Autoscaling = nil
		s.reconcile(time.Hour)
		s.expect("gateways at once", s.replicas(), 7)
		s.svc.Spec.Gateway.Replicas = ptr.To[int32](3)
		s.reconcile(time.Second)
		s.expect("gateways", s.replicas(), 3)
	})
	t.Run("as somebody sets replicas", func(t *testing.T) {
		s := newScaler(t, targetOf(100))
		s.start("one", 300)
		s.reconcile(0)
		s.hold(4)
		s.svc.Spec.Gateway.Autoscaling = nil
		s.svc.Spec.Gateway.Replicas = ptr.To[int32](3)
		s.reconcile(time.Second)
		s.reconcile(time.Second)
		s.expect("gateways", s.replicas(), 3)
	})
	t.Run("for none", func(t *testing.T) {
		s := newScaler(t, withoutCPU(targetOf(100)))
		s.reconcile(0)
		s.svc.Spec.Gateway.Autoscaling = nil
		s.svc.Spec.Gateway.Replicas = ptr.To[int32](0)
		s.reconcile(time.Second)
		s.expect("gateways", s.replicas(), 0)
	})
}

func TestGatewaysAreAskedToMoveClients(t *testing.T) {
	spec := withoutCPU(targetOf(100))
	spec.MinReplicas, spec.Headroom = ptr.To[int32](4), ptr.To[int32](0)
	spec.Rebalance = &v1alpha1.RebalanceSpec{PerSecond: 2, MinConnectedSeconds: 60}
	s := newScaler(t, spec)
	orders := func() map[string]gatewayconfig.Moves {
		got := map[string]gatewayconfig.Moves{}
		for _, name := range []string{"a", "b", "c"} {
			s.gateways.set(s.key(name), func(g *fakeGateway) {
				for _, order := range g.orders {
					got[name] = order
				}
				g.orders = nil
			})
		}
		return got
	}
	s.start("a", 150)
	s.start("b", 105)
	s.start("c", 0)
	s.reconcile(0)
	if got := orders(); len(got) > 0 {
		t.Errorf("while a gateway is missing: %v", got)
	}
	s.hold(s.replicas())
	s.start("d", 85)
	s.reconcile(steadyInterval)
	want := map[string]gatewayconfig.Moves{
		"a": {Clients: 16, WithinSeconds: 10, MinConnectedSeconds: 60},
		"b": {Clients: 4, WithinSeconds: 10, MinConnectedSeconds: 60},
	}
	if diff := cmp.Diff(want, orders()); diff != "" {
		t.Error(diff)
	}
	s.reconcile(time.Second)
	if got := orders(); len(got) > 0 {
		t.Errorf("a second later, again: %v", got)
	}
	for what, spoil := range map[string]func(*fakeGateway){
		"a gateway is silent":             func(g *fakeGateway) { g.silent = true },
		"a gateway is cut off":            func(g *fakeGateway) { g.status.NATS = "reconnecting" },
		"a gateway cannot store sessions": func(g *fakeGateway) { g.status.LogReady = false },
	} {
		s.gateways.set(s.key("c"), spoil)
		s.reconcile(answerLasts + steadyInterval)
		if got := orders(); len(got) > 0 {
			t.Errorf("while %s: %v", what, got)
		}
		s.gateways.set(s.key("c"), func(g *fakeGateway) {
			g.silent, g.status.NATS, g.status.LogReady = false, "connected", true
		})
		s.reconcile(steadyInterval)
		if got := orders(); len(got) == 0 {
			t.Errorf("no client is moved although no longer %s", what)
		}
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		s.setConnections(name, 85)
	}
	s.reconcile(steadyInterval)
	s.setConnections("a", 150)
	s.reconcile(steadyInterval)
	if got := orders(); len(got) > 0 {
		t.Errorf("when it has been done: %v", got)
	}
	s.svc.Spec.Gateway.Autoscaling.Rebalance = nil
	s.restart()
	s.reconcile(steadyInterval)
	if got := orders(); len(got) > 0 {
		t.Errorf("although nobody wants it: %v", got)
	}
}
