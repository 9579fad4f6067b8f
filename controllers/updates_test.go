// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
	"github.com/realtime-operator/realtime-operator/controllers/updates"
)

const inWindow = `spec: {gateway: {updatePolicy: {type: Window, windows: [{schedule: "0 3 * * 6", duration: 2h, timeZone: Europe/Berlin}]}}, namespaces: [{name: /}]}`

func TestAnUpdateOfTheOperatorReplacesNoPods(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	before := s.pods()
	newer := l.operator("2")
	l.looks(newer, s)
	after := s.pods()
	if before.gateways.ResourceVersion != after.gateways.ResourceVersion || before.nats.ResourceVersion != after.nats.ResourceVersion {
		t.Errorf("the pods' owners were written: %s", after.images())
	}
	s.stands(updates.ReasonAvailable, "gateways run gateway:1 of release 1, and get gateway:2 of release 2", "NATS run nats:1", "realtime-operator.io/update")
	status := s.live().Status
	if status.Release != "1" || status.GatewayImage != "gateway:1" || status.NATSImage != "nats:1" {
		t.Errorf("the status is %+v", status)
	}
	if told := newer.told(); len(told) > 0 {
		t.Errorf("events: %q", told)
	}
	fresh := l.create("metadata: {name: fresh}\n" + plain)
	l.looks(newer, fresh)
	fresh.runsImages("gateway:2 nats:2")
	fresh.stands(updates.ReasonUpToDate)
}

func TestARequestBringsWhatIsDue(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	o := l.operator("2")
	l.looks(o, s)
	s.annotate(v1alpha1.AnnotationUpdate, "tonight")
	l.looks(o, s)
	s.runsImages("gateway:1 nats:2") // gateways wait for NATS
	s.stands(updates.ReasonUpdating)
	if got := s.progress(); got != status.ReasonWaitingForNATS {
		t.Errorf("Progressing is %s", got)
	}
	l.runs(s)
	l.looks(o, s)
	s.runsImages("gateway:2 nats:2")
	s.stands(updates.ReasonUpdating)
	l.runs(s)
	l.looks(o, s)
	s.stands(updates.ReasonUpToDate, "release 2")
	told := strings.Join(o.told(), "\n")
	if err := contains(told, "UpdateStarted gateways run gateway:1 of release 1, and get gateway:2 of release 2: requested as tonight", "UpdateFinished"); err != nil {
		t.Error(err)
	}
	if status := s.live().Status; status.Release != "2" || status.GatewayImage != "gateway:2" {
		t.Errorf("the status is %+v", status)
	}

	// The same request is no request for the next release, and one at which nothing was due is none
	// either.
	s.annotate(v1alpha1.AnnotationUpdate, "early")
	l.looks(o, s)
	l.runs(s)
	l.looks(l.operator("3"), s)
	s.runsImages("gateway:2 nats:2")
	s.stands(updates.ReasonAvailable)
}

func TestAWindowBringsWhatIsDue(t *testing.T) {
	l := newLand(t)
	l.now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) // a Friday
	s := l.running(l.operator("1"), inWindow)
	o := l.operator("2")
	l.looks(o, s)
	s.stands(updates.ReasonAvailable, "the window that opens at 2026-11-28T03:00:00+01:00")
	l.now = time.Date(2026, 11, 28, 1, 59, 59, 0, time.UTC)
	l.looks(o, s)
	s.runsImages("gateway:1 nats:1")
	l.now = time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)
	l.looks(o, s)
	s.runsImages("gateway:1 nats:2")
	// It goes on when the window closes.
	l.now = time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)
	l.runs(s)
	l.looks(o, s)
	s.runsImages("gateway:2 nats:2")
}

func TestAPolicyMayBeImmediate(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), "spec: {gateway: {updatePolicy: {type: Immediate}}, namespaces: [{name: /}]}")
	o := l.operator("2")
	l.looks(o, s)
	l.runs(s)
	l.looks(o, s)
	s.runsImages("gateway:2 nats:2")
}

func TestAChangeByTheUserBringsTheNewest(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*v1alpha1.RealtimeServiceSpec)
		want   string
	}{
		"of what pods are not made of": {func(spec *v1alpha1.RealtimeServiceSpec) {
			spec.Namespaces = append(spec.Namespaces, v1alpha1.Namespace{Name: "/more"})
			spec.Gateway.Replicas = new(int32)
			spec.Gateway.Service.Port = 8080
			spec.Protocol.PingInterval.Duration = 10 * time.Second
		}, "gateway:1 nats:1"},
		"of resources": {func(spec *v1alpha1.RealtimeServiceSpec) {
			spec.Gateway.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}
		}, "gateway:2 nats:1"},
		"of annotations": {func(spec *v1alpha1.RealtimeServiceSpec) {
			spec.Gateway.PodAnnotations = map[string]string{"a": "b"}
		}, "gateway:2 nats:1"},
		"of the image": {func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" }, "mine:1 nats:1"},
		"of what NATS reads": {func(spec *v1alpha1.RealtimeServiceSpec) {
			spec.Protocol.MaxPayload = resource.MustParse("3M")
		}, "gateway:1 nats:2"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLand(t)
			s := l.running(l.operator("1"), plain)
			l.looks(l.operator("2"), s)
			s.edit(tt.change)
			// It is told apart by an operator that starts now, too.
			l.looks(l.operator("2"), s)
			s.runsImages(tt.want)
		})
	}
}

// What pods were not made of in one release they may be made of in the next.
func TestChangesWithoutEffectAreRecorded(t *testing.T) {
	l := newLand(t)
	o := l.operator("1")
	s := l.running(o, plain)
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Protocol.PingInterval.Duration = 10 * time.Second })
	l.looks(o, s)
	record := s.record(s.pods().gateways)
	if got := record.Inputs.Spec.Protocol.PingInterval.Duration; got != 10*time.Second {
		t.Errorf("the recorded interval is %v", got)
	}
}

func TestDriftIsSetBackToWhatRuns(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	o := l.operator("2")
	l.looks(o, s)
	change(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "another:9" })
	change(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) { set.Spec.Template.Spec.Containers[0].Image = "another:9" })
	l.looks(o, s)
	l.runs(s) // gateways wait for NATS
	l.looks(o, s)
	s.runsImages("gateway:1 nats:1")
}

// record returns what an object says of the pods that run.
func (s *service) record(object client.Object) *updates.Record {
	s.t.Helper()
	record, err := updates.Decode(object.GetAnnotations()[updates.Annotation])
	if err != nil {
		s.t.Fatal(err)
	}
	return record
}

// rewriteRecord changes what is said of NATS's pods, as if another release had made them.
func (s *service) rewriteRecord(how func(*updates.Record)) {
	s.t.Helper()
	set := s.pods().nats
	record := s.record(set)
	how(record)
	text, err := record.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	change(s, "chat-nats", set, func(set *appsv1.StatefulSet) { set.Annotations[updates.Annotation] = text })
}

func TestNATSKeepsItsConfiguration(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	// As if the release had written it in another way.
	s.rewriteRecord(func(r *updates.Record) { r.Rendering.Config += "max_connections: 7\n" })
	l.looks(l.operator("2"), s)
	config := &corev1.ConfigMap{}
	s.get("chat-nats-config", config)
	if !strings.HasSuffix(resources.NATSConfig(config), "max_connections: 7\n") {
		t.Errorf("NATS of the earlier release would start with %s", resources.NATSConfig(config))
	}
}

// Gateways that wait for NATS, and are to stay as they are, wait for nothing: not for an operator
// that has just started, nor for one that finds no records and writes them meanwhile.
func TestGatewaysThatStayDoNotWaitForNATS(t *testing.T) {
	for name, before := range map[string]func(*land, *service){
		"with a record":    func(*land, *service) {},
		"without a record": (*land).forgetRecords,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLand(t)
			s := l.running(l.operator("1"), plain)
			before(l, s)
			set := s.pods().nats
			set.Status.ReadyReplicas, set.Status.AvailableReplicas = 0, 0
			if err := l.Status().Update(t.Context(), set); err != nil {
				t.Fatal(err)
			}
			o := l.operator("2")
			l.looks(o, s)
			s.runsImages("gateway:1 nats:1")
			if got := s.progress(); got == status.ReasonWaitingForNATS || !hasRecord(s.pods().gateways) {
				t.Errorf("Progressing is %s, and they have a record: %v", got, hasRecord(s.pods().gateways))
			}
			// What they change to waits, although an operator that starts does not know what was
			// applied.
			s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
			l.looks(l.operator("2"), s)
			if got := s.progress(); got != status.ReasonWaitingForNATS {
				t.Errorf("Progressing is %s after a change", got)
			}
		})
	}
}

// Ids that the cluster assigns are part of what an operator renders: pods that are kept keep
// theirs.
func TestUserIDsAreThoseOfTheRelease(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	o := l.operator("2")
	o.AssignedUserIDs = true
	l.looks(o, s)
	fresh := l.create("metadata: {name: fresh}\n" + plain)
	l.looks(o, fresh)
	for _, tt := range []struct {
		*service
		assigned bool
	}{{s, false}, {fresh, true}} {
		p := tt.pods()
		for _, template := range []corev1.PodTemplateSpec{p.gateways.Spec.Template, p.nats.Spec.Template} {
			if got := template.Spec.SecurityContext.RunAsUser == nil; got != tt.assigned {
				t.Errorf("%s: the cluster assigns ids: %v", tt.named, got)
			}
		}
	}
}

// Its certificate is renewed all the same, and NATS is restarted for it: with the image that it
// has.
func TestCertificatesAreRenewedForNATSOfAnEarlierRelease(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	before := s.pods().nats
	o := l.operator("2")
	l.now = l.now.Add(200 * 24 * time.Hour)
	l.looks(o, s)
	l.now = l.now.Add(2 * time.Hour)
	l.looks(o, s)
	after := s.pods().nats
	s.runsImages("gateway:1 nats:1")
	key := func(set *appsv1.StatefulSet) string {
		for _, v := range set.Spec.Template.Spec.Volumes {
			if v.Name == "certificate" {
				return v.Secret.Items[0].Key
			}
		}
		return ""
	}
	if key(before) == key(after) || key(after) == "" {
		t.Errorf("the certificate was %q and is %q", key(before), key(after))
	}
}

func TestAnOperatorThatKeptNoRecords(t *testing.T) {
	l := newLand(t)
	old := l.operator("1")
	s := l.running(old, plain)
	l.forgetRecords(s)
	before := s.pods()
	o := l.operator("2")
	l.looks(o, s)
	after := s.pods()
	for what, templates := range map[string][2]corev1.PodTemplateSpec{
		"gateways": {before.gateways.Spec.Template, after.gateways.Spec.Template}, "NATS": {before.nats.Spec.Template, after.nats.Spec.Template},
	} {
		if diff := cmp.Diff(templates[0], templates[1]); diff != "" {
			t.Errorf("%s: another template: %s", what, diff)
		}
	}
	s.stands(updates.ReasonAvailable, "gateways run gateway:1, and get gateway:2 of release 2", "NATS run nats:1")

	change(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Args = append(d.Spec.Template.Spec.Containers[0].Args, "--more")
	})
	l.looks(o, s)
	if diff := cmp.Diff(before.gateways.Spec.Template, s.pods().gateways.Spec.Template); diff != "" {
		t.Errorf("drift was not set back: %s", diff)
	}
	l.runs(s)
	s.annotate(v1alpha1.AnnotationUpdate, "now")
	l.looks(o, s)
	l.runs(s)
	l.looks(o, s)
	s.runsImages("gateway:2 nats:2")
}

// The user's change is not lost, though nothing says what it is.
func TestAServiceThatHasChangedSinceAnOperatorWithoutRecords(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	l.forgetRecords(s)
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Gateway.PodAnnotations = map[string]string{"a": "b"}
	})
	o := l.operator("2")
	l.looks(o, s)
	l.runs(s)
	l.looks(o, s)
	if s.runsImages("gateway:2 nats:2"); s.pods().gateways.Spec.Template.Annotations["a"] != "b" {
		t.Error("the user's change is lost")
	}
}

// Gateways that encrypt cannot use a NATS of a release that did not.
func TestNATSWithoutTLSIsUpdatedWithGateways(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	s.rewriteRecord(func(r *updates.Record) { r.Rendering.Config = "port: 4222\n" })
	// Once: at the next look, NATS would take plaintext, which is another reason.
	if _, err := l.operator("2").Reconcile(t.Context(), ctrl.Request{NamespacedName: s.key("chat")}); err != nil {
		t.Fatal(err)
	}
	s.runsImages("gateway:1 nats:2")
}

func TestServicesTakeTurns(t *testing.T) {
	l := newLand(t)
	old, o := l.operator("1"), l.operator("2")
	var all []*service
	for _, name := range []string{"a", "b", "c"} {
		s := l.running(old, "metadata: {name: "+name+", annotations: {realtime-operator.io/update: before}}\n"+plain)
		s.annotate(v1alpha1.AnnotationUpdate, "all of you")
		all = append(all, s)
	}
	begun := func(want ...string) {
		t.Helper()
		for _, s := range all {
			l.looks(o, s)
		}
		var got []string
		for _, s := range all {
			if s.pods().images() != "gateway:1 nats:1" {
				got = append(got, s.named)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the updates of %v have begun, want %v", got, want)
		}
	}
	finish := func(s *service) {
		for range 2 { // NATS, and then the gateways
			l.runs(s)
			l.looks(o, s)
		}
		s.runsImages("gateway:2 nats:2")
		s.stands(updates.ReasonUpToDate)
	}
	l.looks(o, all[2]) // the first that asks, and then by name
	begun("c")
	all[0].stands(updates.ReasonWaiting, "services take turns")
	all[1].stands(updates.ReasonWaiting)
	// One that waits for ever keeps the others from beginning, also if the operator is another.
	o = l.operator("2")
	begun("c")
	finish(all[2])
	begun("a", "c")
	all[1].stands(updates.ReasonWaiting)
	finish(all[0])
	begun("a", "b", "c")
	finish(all[1])
}

func TestSeveralServicesMayBeUpdatedAtOnce(t *testing.T) {
	l := newLand(t)
	o := l.operator("2")
	o.Turns.AtOnce = 2
	for i, name := range []string{"a", "b", "c"} {
		s := l.running(l.operator("1"), "metadata: {name: "+name+"}\n"+plain)
		s.annotate(v1alpha1.AnnotationUpdate, "now")
		l.looks(o, s)
		s.stands([]string{updates.ReasonUpdating, updates.ReasonUpdating, updates.ReasonWaiting}[i])
	}
}

func TestTurnsAreGivenBack(t *testing.T) {
	for name, leave := range map[string]func(*land, *operator, *service){
		"by one that is deleted": func(l *land, o *operator, s *service) {
			if err := l.Delete(l.t.Context(), s.live()); err != nil {
				l.t.Fatal(err)
			}
			l.looks(o, s)
		},
		"by one that is paused": func(l *land, o *operator, s *service) {
			s.annotate(v1alpha1.AnnotationPaused, "true")
			l.looks(o, s)
		},
		"by one that is left to another operator": func(l *land, o *operator, s *service) {
			renew(s, "another")
			svc := s.live()
			svc.Status.Operator = &v1alpha1.OperatorClaim{Namespace: s.namespace, Name: "another", Scope: v1alpha1.OperatorScopeCluster}
			if err := l.Status().Update(l.t.Context(), svc); err != nil {
				l.t.Fatal(err)
			}
			l.looks(o, s)
		},
		"by one whose gateways become the user's": func(l *land, o *operator, s *service) {
			s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Gateway.Image = "mine:1" })
			l.looks(o, s)
			l.runs(s)
			l.looks(o, s)
			l.runs(s)
			l.looks(o, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLand(t)
			first, second := l.running(l.operator("1"), plain), l.running(l.operator("1"), "metadata: {name: second}\n"+plain)
			o := l.operator("2")
			for _, s := range []*service{first, second} {
				s.annotate(v1alpha1.AnnotationUpdate, "now")
				l.looks(o, s)
			}
			second.stands(updates.ReasonWaiting)
			leave(l, o, first)
			l.looks(o, second)
			second.stands(updates.ReasonUpdating)
		})
	}
}

// An update ends when the gateways of before have left: until then they take the room of two.
func TestAnUpdateLastsUntilTheLastGatewayHasLeft(t *testing.T) {
	now := time.Now()
	leaving := func(ends time.Time) status.Gateway {
		return status.Gateway{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{Time: ends}}}}
	}
	stays := status.Gateway{Pod: &corev1.Pod{}}
	for name, tt := range map[string]struct {
		gateways []status.Gateway
		want     bool
	}{
		"all stay":              {[]status.Gateway{stays, stays}, false},
		"one leaves":            {[]status.Gateway{stays, leaving(now.Add(time.Second))}, true},
		"one should have left":  {[]status.Gateway{stays, leaving(now)}, false},
		"there are no gateways": {nil, false},
	} {
		if got := leaves(tt.gateways, now); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		r := &Reconciler{Now: func() time.Time { return now }}
		svc := &v1alpha1.RealtimeService{}
		svc.Spec.NATS, svc.Spec.Gateway.Replicas = &v1alpha1.NATSSpec{URLs: []string{"nats://nats"}}, new(int32)
		seen := &observation{Observation: status.Observation{Gateways: tt.gateways, Deployment: &appsv1.Deployment{}}}
		text, err := seen.plan.gateways.annotation()
		if err != nil {
			t.Fatal(err)
		}
		seen.Deployment.Annotations = map[string]string{updates.Annotation: text}
		if done, err := r.updated(t.Context(), svc, seen); err != nil || done == tt.want {
			t.Errorf("%s: the update is done: %v, %v", name, done, err)
		}
		seen.Deployment.Annotations = nil
		if done, err := r.updated(t.Context(), svc, seen); err != nil || done {
			t.Errorf("%s: the update is done before it is seen: %v, %v", name, done, err)
		}
	}
}

func TestAPausedServiceIsLeftAlone(t *testing.T) {
	l := newLand(t)
	o := l.operator("1")
	s := l.running(o, plain)
	s.annotate(v1alpha1.AnnotationPaused, "true")
	s.annotate(v1alpha1.AnnotationUpdate, "now")
	l.looks(o, s)
	generation := s.live().Generation
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Gateway.Replicas = new(int32)
		spec.Gateway.Image = "mine:1"
		spec.Namespaces = append(spec.Namespaces, v1alpha1.Namespace{Name: "/more"})
	})
	service := &corev1.Service{}
	change(s, "chat", service, func(service *corev1.Service) { service.Spec.Ports[0].Port = 81 })
	secret := &corev1.Secret{}
	s.get("chat-gateway-peers", secret)
	if err := l.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	before, config := s.pods(), s.config()
	l.now = l.now.Add(300 * 24 * time.Hour)
	newer := l.operator("2")
	l.looks(newer, s)

	after := s.pods()
	if before.gateways.ResourceVersion != after.gateways.ResourceVersion || before.nats.ResourceVersion != after.nats.ResourceVersion || s.config() != config {
		t.Error("it was changed")
	}
	if s.get("chat", service); service.Spec.Ports[0].Port != 81 {
		t.Error("its Service was set back")
	}
	if err := l.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); err == nil {
		t.Error("its Secret was made again")
	}
	status := s.live().Status
	paused := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionPaused)
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if paused == nil || paused.Status != "True" || ready == nil || status.ObservedGeneration != generation || ready.ObservedGeneration != generation {
		t.Errorf("the status is %+v", status)
	}
	if ready.Status != "True" || status.Gateways != "1/1" {
		t.Errorf("the status does not say what is: %+v, %s", ready, status.Gateways)
	}
	s.stands(updates.ReasonAvailable)
	told := strings.Join(append(o.told(), newer.told()...), "\n")
	if strings.Count(told, "Warning Paused") != 1 || strings.Contains(told, "Update") {
		t.Errorf("events: %s", told)
	}

	s.annotate(v1alpha1.AnnotationPaused, "false")
	l.looks(newer, s)
	if s.get("chat", service); service.Spec.Ports[0].Port != 80 {
		t.Error("its Service is still as it was")
	}
	if c := meta.FindStatusCondition(s.live().Status.Conditions, v1alpha1.ConditionPaused); c != nil {
		t.Errorf("it is paused: %+v", c)
	}
	if told := strings.Join(newer.told(), "\n"); strings.Count(told, "Resumed") != 1 {
		t.Errorf("events: %s", told)
	}
}

func TestAPausedServiceIsDeleted(t *testing.T) {
	l := newLand(t)
	o := l.operator("1")
	s := l.create("metadata: {annotations: {realtime-operator.io/paused: \"true\"}}\n" + plain)
	l.looks(o, s)
	if err := l.Get(t.Context(), s.key("chat-gateway"), &appsv1.Deployment{}); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("objects of a paused service: %v", err)
	}
	if err := l.Delete(t.Context(), s.live()); err != nil {
		t.Fatal(err)
	}
	s.awaitGone("chat", &v1alpha1.RealtimeService{})
	l.looks(o, s)
}

// What was written last counts, whatever the cache says: an operator that takes an old status for
// the newest could let two services begin.
func TestATurnIsWrittenFirst(t *testing.T) {
	l := newLand(t)
	s := l.running(l.operator("1"), plain)
	s.annotate(v1alpha1.AnnotationUpdate, "now")
	o := l.operator("2")
	stale := s.live()
	s.annotate("example.com/changed", "since")
	o.Client = staleClient{o.Client, stale}
	result, err := o.Reconcile(t.Context(), ctrl.Request{NamespacedName: s.key("chat")})
	if err != nil || result.RequeueAfter != firstRetry {
		t.Errorf("%+v, %v", result, err)
	}
	s.runsImages("gateway:1 nats:1")
	if o.Turns.Has(s.key("chat")) {
		t.Error("the turn was not given back")
	}
	// Once it is written, an old status gives nothing back.
	o.Client = l.here()
	if _, err := o.Reconcile(t.Context(), ctrl.Request{NamespacedName: s.key("chat")}); err != nil {
		t.Fatal(err)
	}
	o.Client = staleClient{o.Client, stale}
	if _, err := o.Reconcile(t.Context(), ctrl.Request{NamespacedName: s.key("chat")}); err != nil {
		t.Fatal(err)
	}
	if !o.Turns.Has(s.key("chat")) {
		t.Error("the turn was given back though the update has begun")
	}
}

// staleClient has an old version of a service.
type staleClient struct {
	client.Client
	old *v1alpha1.RealtimeService
}

func (c staleClient) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if svc, ok := object.(*v1alpha1.RealtimeService); ok {
		c.old.DeepCopyInto(svc)
		return nil
	}
	return c.Client.Get(ctx, key, object, options...)
}

// TestRecordsOfEarlierReleases renders what earlier releases have recorded of a service, without
// the defaults of fields that they did not know. It must be what is rendered of the service as it
// is read today, or each update of the operator would be taken for a change by the user. Files of
// earlier releases stay as they are.
func TestRecordsOfEarlierReleases(t *testing.T) {
	data, err := os.ReadFile("testdata/inputs/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	svc, err := manifest.Load(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/inputs/v*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no records: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded updates.Inputs
		if err := json.Unmarshal(data, &recorded); err != nil {
			t.Fatal(err)
		}
		old := svc.DeepCopy()
		old.Spec = recorded.Spec
		if diff := cmp.Diff(resources.GatewayDeployment(svc, "image").Spec.Template, resources.GatewayDeployment(old, "image").Spec.Template); diff != "" {
			t.Errorf("%s: gateways: %s", file, diff)
		}
		if diff := cmp.Diff(resources.NATSConfigMap(svc, false).Data, resources.NATSConfigMap(old, false).Data); diff != "" {
			t.Errorf("%s: the configuration of NATS: %s", file, diff)
		}
		config := resources.NATSConfigMap(svc, false)
		none := resources.NATSIdentity{}
		if diff := cmp.Diff(resources.NATSStatefulSet(svc, "image", config, none).Spec.Template, resources.NATSStatefulSet(old, "image", config, none).Spec.Template); diff != "" {
			t.Errorf("%s: NATS: %s", file, diff)
		}
	}
}
