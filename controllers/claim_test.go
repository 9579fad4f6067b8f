// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/claims"
)

// startNarrow runs a second operator, for one namespace and with another image of gateways, until
// the test ends.
func (c *cluster) startNarrow(t *testing.T, name, namespace string) (stop func()) {
	t.Helper()
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		GatewayImage: "gateway:second", NATSImage: "nats:test", LeaderElect: true, MetricsBindAddress: "0",
		HealthProbeBindAddress: fmt.Sprintf("127.0.0.1:%d", ports[0]), WebhookServiceName: name + "-webhook",
		PodNamespace: system, WatchNamespaces: []string{namespace},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		ended <- run(ctx, c.admin, o, func(p *parts) {
			p.gateway, p.push = c.gateways.status, c.gateways.push
			p.manager = func(o *manager.Options) { o.Controller.SkipNameValidation = ptr.To(true) }
		})
	}()
	stop = func() { cancel(); <-over }
	t.Cleanup(stop)
	if err := awaitReady(o.HealthProbeBindAddress, ended); err != nil {
		t.Fatal(err)
	}
	return stop
}

func image(d *appsv1.Deployment) string { return d.Spec.Template.Spec.Containers[0].Image }

func TestNewServiceIsClaimed(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	if got := s.live().Status.Operator; got == nil || *got != (v1alpha1.OperatorClaim{Namespace: system, Name: "realtime-operator", Scope: v1alpha1.OperatorScopeCluster}) {
		t.Errorf("the claim is %+v", got)
	}
	// As a release that knew no claims leaves it, or somebody.
	svc := s.live()
	before := svc.DeepCopy()
	svc.Status.Operator = nil
	if err := c.Status().Patch(t.Context(), svc, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	s.edit(addNamespace)
	await(s, "chat", svc, func(svc *v1alpha1.RealtimeService) error {
		return want("whether it is claimed", svc.Status.Operator != nil, true)
	})
}

// They would replace each other's gateways for ever.
func TestOperatorOfSomeNamespacesTakesOverFromOneOfAll(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, "spec: {gateway: {updatePolicy: {type: Immediate}}, namespaces: [{name: /}]}")
	s.awaitObjects()
	stop := c.startNarrow(t, "second", namespace)
	d := &appsv1.Deployment{}
	await(s, "chat-gateway", d, func(d *appsv1.Deployment) error { return want("the image", image(d), "gateway:second") })
	generation := d.Generation
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Service.Port = 8080 })
	s.awaitEvent(reasonYielded, "operator default/second looks after this service; operator default/realtime-operator leaves it alone")
	s.get("chat-gateway", d)
	if d.Generation != generation || image(d) != "gateway:second" {
		t.Errorf("the two replace each other's gateways: generation %d became %d, image %s", generation, d.Generation, image(d))
	}
	// An operator whose Lease is gone is uninstalled.
	stop()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "second"}}
	if err := c.Delete(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		return want("its operator", svc.Status.Operator.Name, "realtime-operator")
	})
	await(s, "chat-gateway", d, func(d *appsv1.Deployment) error { return want("the image", image(d), "gateway:test") })
}

// claimant is an installation whose Lease the test renews, and whose clock it moves.
type claimant struct {
	*claims.Claims
	now time.Time
}

func newClaimant(s *service, name string, scope v1alpha1.OperatorScope) *claimant {
	c := &claimant{now: time.Unix(0, 0)}
	c.Claims = &claims.Claims{Client: s, Reader: s, Now: func() time.Time { return c.now }}
	if name != "" {
		c.Self = v1alpha1.OperatorClaim{Namespace: s.namespace, Name: name, Scope: scope}
	}
	return c
}

func renew(s *service, name string) {
	s.t.Helper()
	lease := &coordinationv1.Lease{}
	lease.Name, lease.Namespace = name, s.namespace
	err := s.Create(s.t.Context(), lease)
	if apierrors.IsAlreadyExists(err) {
		s.get(name, lease)
		lease.Spec.LeaseTransitions = ptr.To(ptr.Deref(lease.Spec.LeaseTransitions, 0) + 1)
		err = s.Update(s.t.Context(), lease)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestClaims(t *testing.T) {
	const wide, narrow = v1alpha1.OperatorScopeCluster, v1alpha1.OperatorScopeNamespaces
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	s.awaitObjects()
	elsewhere := newClaimant(s, "elsewhere", narrow)
	renew(s, "elsewhere")
	renew(s, "first")
	take := func(who *claimant) string {
		t.Helper()
		var other *v1alpha1.OperatorClaim
		eventually(t, "the service is not written meanwhile", func() (err error) {
			other, err = who.Take(t.Context(), s.live())
			return err
		})
		if other != nil {
			return other.Name
		}
		return ""
	}
	if got := take(elsewhere); got != "" {
		t.Fatalf("one of all keeps out one that was told to look after the namespace: %s", got)
	}
	first := newClaimant(s, "first", narrow)
	if got := take(first); got != "elsewhere" {
		t.Errorf("of two equals the later one gets it, not %q", got)
	}
	if got := take(newClaimant(s, "wide", wide)); got != "elsewhere" {
		t.Errorf("one of all takes it from one of some: %q", got)
	}
	if got := take(newClaimant(s, "", wide)); got != "elsewhere" {
		t.Errorf("one without a Lease heeds no claim: %q", got)
	}
	// A Lease that is renewed, seen by a clock of its own.
	for range 3 {
		first.now = first.now.Add(4 * time.Minute)
		renew(s, "elsewhere")
		if got := take(first); got != "elsewhere" {
			t.Fatalf("it is taken from one that is at work: %q", got)
		}
	}
	first.now = first.now.Add(4 * time.Minute)
	if got := take(first); got != "elsewhere" {
		t.Errorf("it is taken from one that is away for a moment: %q", got)
	}
	first.now = first.now.Add(2 * time.Minute)
	if got := take(first); got != "" {
		t.Errorf("it stays with one that is gone: %q", got)
	}
	if got := s.live().Status.Operator; *got != first.Self {
		t.Errorf("the claim is %+v", got)
	}
	if got := take(elsewhere); got != "first" {
		t.Errorf("one that comes back takes it again: %q", got)
	}
	// Only one of two that claim at once gets it.
	old := s.live()
	old.Status.Operator = nil
	change(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) { svc.Labels = map[string]string{"a": "b"} })
	if _, err := first.Take(t.Context(), old); !apierrors.IsConflict(err) {
		t.Errorf("a claim is written over a newer service: %v", errors.Join(err))
	}
}
