// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// fakeGateways answer for gateway pods that do not run. Safe for concurrent use.
type fakeGateways struct {
	mu   sync.Mutex
	pods map[client.ObjectKey]*fakeGateway // guarded by mu
}

// fakeGateway is a gateway on a node whose kubelet looks at the ConfigMap when the pod is touched, and may be behind.
type fakeGateway struct {
	status gatewaystatus.Status
	// touches are the values that the pod's annotation has had.
	touches []string
	// late is how many touches the kubelet has nothing new at.
	late int
	// refuses is why it keeps its old configuration.
	refuses string
	// silent gateways do not answer.
	silent bool
}

func newFakeGateways() *fakeGateways {
	return &fakeGateways{pods: map[client.ObjectKey]*fakeGateway{}}
}

func (f *fakeGateways) status(_ context.Context, pod *corev1.Pod) (gatewaystatus.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.pods[client.ObjectKeyFromObject(pod)]
	if g == nil || g.silent {
		return gatewaystatus.Status{}, errors.New("connection refused")
	}
	touch := pod.Annotations[resources.AnnotationConfigHash]
	if touch == "" || len(g.touches) > 0 && g.touches[len(g.touches)-1] == touch {
		return g.status, nil
	}
	g.touches = append(g.touches, touch)
	switch {
	case g.late > 0:
		g.late--
	case g.refuses != "":
		g.status.ConfigError = g.refuses
	default:
		g.status.ConfigHash, _, _ = strings.Cut(touch, "@")
	}
	return g.status, nil
}

// set changes a gateway.
func (f *fakeGateways) set(key client.ObjectKey, change func(*fakeGateway)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pods[key] == nil {
		f.pods[key] = &fakeGateway{status: gatewaystatus.Status{NATS: "connected", LogReady: true}}
	}
	change(f.pods[key])
}

func (f *fakeGateways) touches(key client.ObjectKey) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.pods[key].touches...)
}

// startGateway makes a gateway pod of a service, as its Deployment would, that is ready.
func (c *cluster) startGateway(t *testing.T, namespace, service, name string, change func(*fakeGateway)) client.ObjectKey {
	t.Helper()
	key := client.ObjectKey{Namespace: namespace, Name: name}
	c.gateways.set(key, change)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: resources.GatewaySelector(service)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "gateway", Image: "gateway:test"}}},
	}
	if err := c.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	pod.Status = corev1.PodStatus{
		Phase:      corev1.PodRunning,
		PodIP:      "192.0.2.1",
		PodIPs:     []corev1.PodIP{{IP: "192.0.2.1"}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	if err := c.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	return key
}
