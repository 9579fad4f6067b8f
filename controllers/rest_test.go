// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/exposure"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// countingReader counts what an operator reads from the API server.
type countingReader struct {
	client.Reader
	secrets, classes, others int
}

func (r *countingReader) Get(ctx context.Context, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
	switch object.(type) {
	case *corev1.Secret:
		r.secrets++
	case *networkingv1.IngressClass:
		r.classes++
	default:
		r.others++
	}
	return r.Reader.Get(ctx, key, object, opts...)
}

// watched is a service that is ready, whose operator's reads are counted.
func watched(t *testing.T, manifest string) (*land, *operator, *service, *countingReader) {
	t.Helper()
	l := newLand(t)
	o := l.operator("1")
	s := l.running(o, manifest)
	l.looks(o, s)
	reads := &countingReader{Reader: o.Reader}
	o.Reader = reads
	return l, o, s, reads
}

const ownSecretsOfAService = 3 // credentials and certificate of NATS, certificates of gateways

func TestAServiceAtRestReadsNothing(t *testing.T) {
	l, o, s, reads := watched(t, plain)
	for range 10 {
		l.now = l.now.Add(steadyInterval)
		l.looks(o, s)
	}
	if *reads != (countingReader{Reader: reads.Reader}) {
		t.Errorf("at rest: %d Secrets, %d IngressClasses, %d others", reads.secrets, reads.classes, reads.others)
	}
	l.now = l.now.Add(secretsLast)
	if l.looks(o, s); reads.secrets != ownSecretsOfAService {
		t.Errorf("after %v, %d Secrets are read", secretsLast, reads.secrets)
	}
}

func TestSecretsAreReadWhenSomethingMayBeWrong(t *testing.T) {
	const scaled = "spec: {gateway: {autoscaling: {maxReplicas: 3}}, namespaces: [{name: /}]}"
	for name, happens := range map[string]func(*land, *service, client.ObjectKey){
		"a gateway is cut off from NATS": func(l *land, _ *service, gateway client.ObjectKey) {
			l.gateways.set(gateway, func(g *fakeGateway) { g.status.NATS = "reconnecting" })
		},
		"a gateway is not ready": func(l *land, s *service, gateway client.ObjectKey) {
			pod := &corev1.Pod{}
			s.get(gateway.Name, pod)
			pod.Status.Conditions[0].Status = corev1.ConditionFalse
			if err := l.Status().Update(t.Context(), pod); err != nil {
				t.Error(err)
			}
		},
		"a gateway that an autoscaler adds does not start": func(l *land, s *service, _ client.ObjectKey) {
			d := s.pods().gateways
			d.Spec.Replicas = ptr.To[int32](2)
			if err := l.Update(t.Context(), d); err != nil {
				t.Error(err)
			}
		},
		"the manifest is changed": func(_ *land, s *service, _ client.ObjectKey) {
			change(s, s.named, &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) { svc.Spec.Gateway.Service.Port = 8080 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, o, s, reads := watched(t, scaled)
			secret := &corev1.Secret{}
			s.get(resources.NATSCredentialsName(s.named), secret)
			if err := l.Delete(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			if l.looks(o, s); reads.secrets > 0 {
				t.Fatalf("%d Secrets are read before that", reads.secrets)
			}
			happens(l, s, client.ObjectKey{Namespace: l.namespace, Name: s.named + "-one"})
			l.looks(o, s)
			s.get(resources.NATSCredentialsName(s.named), secret)
		})
	}
}

// Many services name the same class.
func TestAnIngressClassIsReadForAllServices(t *testing.T) {
	var m memory
	edge := exposure.Class{Name: "edge", Controller: "example.com/edge"}
	now := time.Now()
	if _, known := m.class("edge", now); known {
		t.Error("it is known before it was read")
	}
	m.keepClass(edge, now)
	if class, known := m.class("edge", now.Add(classLasts-1)); !known || class != edge {
		t.Errorf("%+v, %t", class, known)
	}
	if _, known := m.class("edge", now.Add(classLasts)); known {
		t.Error("it is not read again")
	}
	m.keepClass(exposure.Class{Name: "other"}, now.Add(classLasts))
	if len(m.classes) != 1 {
		t.Errorf("%d classes are kept", len(m.classes))
	}
}
