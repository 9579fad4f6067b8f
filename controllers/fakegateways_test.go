// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// fakeGateways answer for gateway pods that do not run. Safe for concurrent use.
type fakeGateways struct {
	mu   sync.Mutex
	pods map[client.ObjectKey]*fakeGateway // guarded by mu
}

// fakeGateway is a gateway as its operator sees it. What a real one does with a push, package
// test/push tests.
type fakeGateway struct {
	status gatewaystatus.Status
	// configs are the configurations that were pushed to it, and credentials those of NATS.
	configs     []string
	credentials []gatewayconfig.Credentials
	// orders are the moves that it was asked for.
	orders []gatewayconfig.Moves
	// refuses is why it keeps its old configuration.
	refuses string
	// silent gateways do not tell their status, and deaf ones cannot be pushed to.
	silent, deaf bool
	// old gateways are of a release that takes no pushes.
	old bool
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
	return g.status, nil
}

func (f *fakeGateways) push(_ context.Context, pod *corev1.Pod, identity *tls.Config, what Pushed) (gatewaystatus.Status, error) {
	shown, err := x509.ParseCertificate(identity.Certificates[0].Certificate[0])
	if err != nil {
		return gatewaystatus.Status{}, err
	}
	if err := shown.VerifyHostname(gatewaypeers.OperatorName); err != nil {
		return gatewaystatus.Status{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.pods[client.ObjectKeyFromObject(pod)]
	switch {
	case g == nil || g.deaf:
		return gatewaystatus.Status{}, errors.New("connection refused")
	case g.old:
		return gatewaystatus.Status{}, errNoPushes
	case what.Path == gatewayconfig.CredentialsPath:
		var c gatewayconfig.Credentials
		if err := json.Unmarshal(what.Body, &c); err != nil {
			return gatewaystatus.Status{}, err
		}
		g.credentials = append(g.credentials, c)
	case what.Path == gatewayconfig.MovesPath:
		var order gatewayconfig.Moves
		if err := json.Unmarshal(what.Body, &order); err != nil {
			return gatewaystatus.Status{}, err
		}
		g.orders = append(g.orders, order)
	default:
		g.configs = append(g.configs, string(what.Body))
		if g.status.ConfigError = g.refuses; g.refuses == "" {
			g.status.ConfigHash = gatewaystatus.Revision(what.Body)
		}
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

// configs are the configurations that were pushed to a gateway.
func (f *fakeGateways) configs(key client.ObjectKey) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pods[key].configs)
}

func (f *fakeGateways) credentials(key client.ObjectKey) []gatewayconfig.Credentials {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pods[key].credentials)
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
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}},
	}
	if err := c.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	return key
}
