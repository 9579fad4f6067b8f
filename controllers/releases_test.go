// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/claims"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/updates"
)

// theFreeCluster is an API server at which no operator is at work: tests call operators of several
// releases by hand.
var theFreeCluster = sync.OnceValues(func() (*cluster, error) {
	environment := &envtest.Environment{
		CRDDirectoryPaths:        []string{"../config/crd/bases"},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStopTimeout:  time.Minute,
		ControlPlaneStartTimeout: time.Minute,
	}
	config, err := environment.Start()
	if err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	free = &cluster{Client: direct, admin: config, gateways: newFakeGateways(), stop: environment.Stop}
	return free, nil
})

// free is that cluster once it has started.
var free *cluster

// land is a namespace of the free cluster, with a clock.
type land struct {
	t *testing.T
	*cluster
	namespace string
	now       time.Time
}

func newLand(t *testing.T) *land {
	t.Helper()
	c, err := theFreeCluster()
	if err != nil {
		t.Fatalf("starting a cluster: %v", err)
	}
	t.Parallel()
	return &land{t, c, c.newNamespace(t), time.Now()}
}

// operator is one of some release, which the test calls.
type operator struct {
	*Reconciler
	events *events.FakeRecorder
}

// operator starts one: it knows what the cluster knows.
func (l *land) operator(release string) *operator {
	recorder := events.NewFakeRecorder(10_000)
	here := l.here()
	r := &Reconciler{
		Client: here, Reader: here, Events: recorder,
		Gateway: l.gateways.status, Push: l.gateways.push,
		Now:          func() time.Time { return l.now },
		GatewayImage: "gateway:" + release, NATSImage: "nats:" + release, Release: release,
	}
	r.Objects = &apply.Applier{Client: here, Reader: here, Event: r.event, Labels: resources.Identity, Now: r.Now}
	r.Claims = &claims.Claims{Client: here, Reader: here, Now: r.Now}
	return &operator{r, recorder}
}

// here is an operator's client, without a cache.
func (l *land) here() client.Client {
	l.t.Helper()
	direct, err := client.NewWithWatch(l.admin, client.Options{Scheme: l.Scheme()})
	if err != nil {
		l.t.Fatal(err)
	}
	return client.NewNamespacedClient(interceptor.NewClient(direct, interceptor.Funcs{List: listWithoutIndex}), l.namespace)
}

// looks lets an operator reconcile a service, and again what it has written meanwhile.
func (l *land) looks(o *operator, s *service) {
	l.t.Helper()
	for range 3 {
		if _, err := o.Reconcile(l.t.Context(), ctrl.Request{NamespacedName: s.key(s.named)}); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *land) create(manifest string) *service {
	l.t.Helper()
	s := create(l.t, l.cluster, l.namespace, manifest)
	return s
}

// pods are those of a service.
type pods struct {
	gateways *appsv1.Deployment
	nats     *appsv1.StatefulSet
}

func (s *service) pods() pods {
	s.t.Helper()
	p := pods{&appsv1.Deployment{}, &appsv1.StatefulSet{}}
	s.get(resources.GatewayName(s.named), p.gateways)
	s.get(resources.NATSName(s.named), p.nats)
	return p
}

func (p pods) images() string {
	return p.gateways.Spec.Template.Spec.Containers[0].Image + " " + p.nats.Spec.Template.Spec.Containers[0].Image
}

// runs lets all pods of a service run as its Deployment and StatefulSet want them.
func (l *land) runs(s *service) {
	l.t.Helper()
	p := s.pods()
	replicas := *p.gateways.Spec.Replicas
	p.gateways.Status = appsv1.DeploymentStatus{
		ObservedGeneration: p.gateways.Generation, Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
	}
	p.nats.Status = appsv1.StatefulSetStatus{ObservedGeneration: p.nats.Generation, Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
	for _, object := range []client.Object{p.gateways, p.nats} {
		if err := l.Status().Update(l.t.Context(), object); err != nil {
			l.t.Fatal(err)
		}
	}
	key := client.ObjectKey{Namespace: l.namespace, Name: s.named + "-one"}
	config := &corev1.ConfigMap{}
	s.get(resources.ConfigMapName(s.named), config)
	inForce := func(g *fakeGateway) {
		g.status.ConfigHash = gatewaystatus.Revision([]byte(config.Data[resources.ConfigKey]))
	}
	if err := l.Get(l.t.Context(), key, &corev1.Pod{}); err == nil {
		l.gateways.set(key, inForce)
		return
	}
	l.startGateway(l.t, l.namespace, s.named, key.Name, inForce)
}

// stands wants a service's condition UpToDate to have a reason, and to say something.
func (s *service) stands(reason string, parts ...string) {
	s.t.Helper()
	svc := &v1alpha1.RealtimeService{}
	s.get(s.named, svc)
	c := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionUpToDate)
	if c == nil || c.Reason != reason || (c.Status == "True") != (reason == updates.ReasonUpToDate) {
		s.t.Fatalf("%s is %+v, want %s", s.named, c, reason)
	}
	if err := contains(c.Message, parts...); err != nil {
		s.t.Error(err)
	}
}

// progress returns the reason of a service's condition Progressing.
func (s *service) progress() string {
	s.t.Helper()
	return meta.FindStatusCondition(s.live().Status.Conditions, v1alpha1.ConditionProgressing).Reason
}

// runsImages wants a service to have pods of two images.
func (s *service) runsImages(wanted string) {
	s.t.Helper()
	if got := s.pods().images(); got != wanted {
		s.t.Fatalf("%s has pods of %s, want %s", s.named, got, wanted)
	}
}

func (s *service) annotate(key, value string) {
	s.t.Helper()
	change(s, s.named, &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) {
		if svc.Annotations == nil {
			svc.Annotations = map[string]string{}
		}
		svc.Annotations[key] = value
	})
}

// told returns the events since the last call.
func (o *operator) told() (all []string) {
	for {
		select {
		case e := <-o.events.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// running is a service of a release whose pods all run.
func (l *land) running(o *operator, manifest string) *service {
	l.t.Helper()
	s := l.create(manifest)
	l.looks(o, s)
	l.runs(s)
	l.looks(o, s)
	s.stands(updates.ReasonUpToDate)
	o.told()
	return s
}

// forgetRecords leaves the Deployment and the StatefulSet as operators left them that kept no
// records: they applied the same fields without the annotation.
func (l *land) forgetRecords(s *service) {
	l.t.Helper()
	p := s.pods()
	svc := s.live()
	gateways := resources.GatewayDeployment(svc, p.gateways.Spec.Template.Spec.Containers[0].Image)
	config := &corev1.ConfigMap{}
	s.get("chat-nats-config", config)
	nats := resources.NATSStatefulSet(svc, p.nats.Spec.Template.Spec.Containers[0].Image, config, resources.NATSIdentity{})
	nats.Spec.Template.Annotations = p.nats.Spec.Template.Annotations
	nats.Spec.Template.Spec.Volumes = p.nats.Spec.Template.Spec.Volumes
	for _, wanted := range []client.Object{gateways, nats} {
		l.applyAsOperator(wanted)
	}
	after := s.pods()
	for _, object := range []client.Object{after.gateways, after.nats} {
		if hasRecord(object) {
			l.t.Fatalf("%T has a record", object)
		}
	}
}

func hasRecord(object client.Object) bool { return object.GetAnnotations()[updates.Annotation] != "" }

func (l *land) applyAsOperator(wanted client.Object) {
	l.t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(wanted)
	if err != nil {
		l.t.Fatal(err)
	}
	unstructured.RemoveNestedField(fields, "status")
	object := client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: fields})
	err = l.Apply(l.t.Context(), object, client.FieldOwner(v1alpha1.FieldManager), client.ForceOwnership)
	if err != nil {
		l.t.Fatal(fmt.Errorf("apply as an operator: %w", err))
	}
}
