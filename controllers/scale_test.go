// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// owns says whether a manager has applied anything.
func owns(entries []metav1.ManagedFieldsEntry, manager string) bool {
	return slices.ContainsFunc(entries, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationApply
	})
}

// scaledBy are the managers of .spec.replicas.
func scaledBy(d *appsv1.Deployment) []string {
	var managers []string
	for _, e := range d.ManagedFields {
		if e.FieldsV1 != nil && strings.Contains(e.FieldsV1.String(), `"f:replicas":{}`) && e.Subresource != "status" {
			managers = append(managers, e.Manager)
		}
	}
	return managers
}

func (s *service) awaitReplicas(replicas int32, managers ...string) {
	s.t.Helper()
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return errors.Join(
			want("replicas", ptr.Deref(d.Spec.Replicas, -1), replicas),
			want("who owns them", fmt.Sprint(scaledBy(d)), fmt.Sprint(managers)),
		)
	})
}

func TestReplicasHaveAManagerOfTheirOwn(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {replicas: 3}, namespaces: [{name: /}]}")
	s.awaitReplicas(3, ScaleFieldManager)
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Replicas = ptr.To[int32](0) })
	s.awaitReplicas(0, ScaleFieldManager)
}

func TestKubectlScale(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	svc := s.live()
	scale := &autoscalingv1.Scale{}
	if err := c.SubResource("scale").Get(t.Context(), svc, scale); err != nil {
		t.Fatal(err)
	}
	if scale.Spec.Replicas != 1 || scale.Status.Selector != svc.Status.Selector || svc.Status.Selector == "" {
		t.Errorf("scale %+v", scale)
	}
	// As kubectl does, which tries again when the operator has written the status meanwhile.
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := c.SubResource("scale").Get(t.Context(), svc, scale); err != nil {
			return err
		}
		scale.Spec.Replicas = 4
		return c.SubResource("scale").Update(t.Context(), svc, client.WithSubResourceBody(scale))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.awaitReplicas(4, ScaleFieldManager)
	s.rollOut()
	await(s, "chat", svc, func(svc *v1alpha1.RealtimeService) error {
		return errors.Join(want("replicas", svc.Status.Replicas, 4), want("gateways", svc.Status.Gateways, "0/4"))
	})
}

func TestAutoscalingOnAndOff(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {replicas: 5}, namespaces: [{name: /}]}")
	s.awaitReplicas(5, ScaleFieldManager)

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Gateway.Autoscaling = &v1alpha1.AutoscalingSpec{MinReplicas: ptr.To[int32](2), MaxReplicas: 9}
	})
	await(s, "chat-gateway", &autoscalingv2.HorizontalPodAutoscaler{}, func(h *autoscalingv2.HorizontalPodAutoscaler) error {
		return errors.Join(want("min", *h.Spec.MinReplicas, 2), want("max", h.Spec.MaxReplicas, 9),
			want("CPU", *h.Spec.Metrics[0].Resource.Target.AverageUtilization, 80))
	})
	s.awaitReplicas(5) // it has not jumped, and nobody owns it

	// The autoscaler scales as it does: by the Deployment's scale.
	d := &appsv1.Deployment{}
	s.get("chat-gateway", d)
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 7}}
	err := c.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(scale))
	if err != nil {
		t.Fatal(err)
	}
	// An applied image does not touch it.
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
	await(s, "chat-gateway", d, func(d *appsv1.Deployment) error {
		return want("the image", d.Spec.Template.Spec.Containers[0].Image, "mine:1")
	})
	s.awaitReplicas(7) // what nobody owns, the API server gives to nobody
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		return want("gateways", svc.Status.Gateways, "0/7")
	})

	// Nobody may have meant the 5 of then: it is not reached at once, unless somebody says so.
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Autoscaling = nil })
	s.awaitGone("chat-gateway", &autoscalingv2.HorizontalPodAutoscaler{})
	s.awaitReplicas(7, ScaleFieldManager)
	s.awaitMessage(v1alpha1.ConditionScalingLimited, metav1.ConditionTrue, status.ReasonAutoscalingRemoved, "from 7 to spec.gateway.replicas, 5")
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Replicas = ptr.To[int32](4) })
	s.awaitReplicas(4, ScaleFieldManager)
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		return want("whether scaling is limited", meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionScalingLimited) != nil, false)
	})
}

// The emptiest leaves first when a person scales down, too.
func TestScalingDownWritesCosts(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {replicas: 3}, namespaces: [{name: /}]}")
	s.awaitReplicas(3, ScaleFieldManager)
	for name, connections := range map[string]int64{"full": 90, "empty": 0, "half": 40} {
		s.startGateway(t, namespace, "chat", name, func(g *fakeGateway) { g.status.Connections = connections })
	}
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		return want("connections", svc.Status.Connections, 130)
	})
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Replicas = ptr.To[int32](2) })
	s.awaitReplicas(2, ScaleFieldManager)
	for name, cost := range map[string]string{"full": "90", "empty": "", "half": "40"} { // 0 is what a pod costs that says nothing
		pod := &corev1.Pod{}
		s.get(name, pod)
		if got := pod.Annotations[corev1.PodDeletionCost]; got != cost {
			t.Errorf("pod %s costs %q, want %q", name, got, cost)
		}
	}
}

func TestScalingUnderAnAutoscalerSaysSo(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {autoscaling: {minReplicas: 2, maxReplicas: 9}}, namespaces: [{name: /}]}")
	await(s, "chat-gateway", &autoscalingv2.HorizontalPodAutoscaler{}, there)
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Replicas = ptr.To[int32](7) })
	s.awaitEvent(reasonReplicasIgnored, "spec.gateway.replicas is 7 and has no effect")
	await(s, "chat-gateway", &autoscalingv2.HorizontalPodAutoscaler{}, func(h *autoscalingv2.HorizontalPodAutoscaler) error {
		return want("minReplicas", *h.Spec.MinReplicas, 2)
	})
}

// warnings are those of the API server. Safe for concurrent use.
type warnings struct {
	mu   sync.Mutex
	told []string // guarded by mu
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, text)
}

// take returns what was told since the last time.
func (w *warnings) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.told = nil }()
	return strings.Join(w.told, "\n")
}

func TestWhoScalesIsWarned(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {autoscaling: {minReplicas: 2, maxReplicas: 9}}, namespaces: [{name: /}]}")
	await(s, "chat-gateway", &autoscalingv2.HorizontalPodAutoscaler{}, there)
	config, told := rest.CopyConfig(c.admin), &warnings{}
	config.WarningHandler = told
	person, err := client.New(config, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	scale := func(replicas int) {
		t.Helper()
		patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
		if err := person.SubResource("scale").Patch(t.Context(), s.live(), client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
			t.Fatal(err)
		}
	}
	const ignored = "has no effect: spec.gateway.autoscaling sets the number of gateways, from minReplicas, 2, to maxReplicas, 9"
	scale(1)
	if got := told.take(); got != "" {
		t.Errorf("without a change, there is the warning %q", got)
	}
	scale(7)
	if err := contains(told.take(), "spec.gateway.replicas is 7 and "+ignored); err != nil {
		t.Error(err)
	}
	edit := func(how func(*v1alpha1.RealtimeServiceSpec)) {
		t.Helper()
		svc := s.live()
		before := svc.DeepCopy()
		how(&svc.Spec)
		if err := person.Patch(t.Context(), svc, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Replicas = ptr.To[int32](1) })
	if err := contains(told.take(), "spec.gateway.replicas is 1 and "+ignored); err != nil {
		t.Error(err)
	}
	change(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](5) })
	s.rollOut()
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		return want("replicas", svc.Status.Replicas, 5)
	})
	edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Autoscaling = nil })
	if err := contains(told.take(), "the 5 gateways become 1, as spec.gateway.replicas says, one at a time"); err != nil {
		t.Error(err)
	}
	edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Replicas = ptr.To[int32](3) })
	scale(2)
	if got := told.take(); got != "" {
		t.Errorf("without an autoscaler, there is the warning %q", got)
	}
}

func TestAutoscalingStartsFromNone(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {replicas: 0}, namespaces: [{name: /}]}")
	s.awaitReplicas(0, ScaleFieldManager)
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Gateway.Autoscaling = &v1alpha1.AutoscalingSpec{MinReplicas: ptr.To[int32](2), MaxReplicas: 3}
	})
	s.awaitReplicas(2)
}
