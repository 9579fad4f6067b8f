// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
	"github.com/realtime-operator/realtime-operator/controllers/updates"
)

// plan is what a service's pods should be.
type plan struct {
	// made reports whether the rest is known.
	made           bool
	gateways, nats workload
	// plaintext reports whether NATS takes plaintext, for gateways that do not encrypt.
	plaintext bool
	standing  updates.Standing
}

// workload is the plan for one kind of pods.
type workload struct {
	// running is what is known of the pods that run, and text the annotation that says so.
	running *updates.Record
	text    string
	newest  updates.Record
	render  func(updates.Inputs) updates.Rendering
	updates.Choice
}

// planPods decides which pods the service should have: those of this release, or those that run. If
// an update that is due need not wait any longer, it takes a turn.
func (r *Reconciler) planPods(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	p := &seen.plan
	p.standing.Release = r.Release
	if err := r.readPods(ctx, svc, p); err != nil {
		return err
	}
	p.made = true
	updating := !seen.Paused && updates.ReasonOf(svc) == updates.ReasonUpdating
	if p.choose(updating); len(p.standing.Due) == 0 {
		p.standing.Updating = updating
		return nil
	}
	for _, w := range []*workload{&p.gateways, &p.nats} {
		if w.Due && p.standing.Cause == "" {
			p.standing.Cause, p.standing.Opens = updates.Cause(svc, w.Request, r.Now())
		}
	}
	if p.standing.Cause == "" || seen.Paused {
		return nil
	}
	return r.takeTurn(ctx, svc, p)
}

// readPods reads what runs, and renders what this release would run.
func (r *Reconciler) readPods(ctx context.Context, svc *v1alpha1.RealtimeService, p *plan) error {
	newest := updates.Record{Release: r.Release, Request: svc.Annotations[v1alpha1.AnnotationUpdate], Inputs: updates.Inputs{Spec: updates.InputsOf(svc)}}
	of := func(in updates.Inputs) *v1alpha1.RealtimeService {
		return &v1alpha1.RealtimeService{TypeMeta: svc.TypeMeta, ObjectMeta: svc.ObjectMeta, Spec: in.Spec}
	}
	gateways := func(in updates.Inputs) updates.Rendering {
		return updates.Rendering{Template: r.ours(resources.GatewayDeployment(of(in), r.GatewayImage).Spec.Template)}
	}
	var err error
	deployment := &appsv1.Deployment{}
	if p.gateways, err = r.readWorkload(ctx, svc, deployment, resources.GatewayName(svc.Name), newest, gateways); err != nil || !resources.OwnNATS(svc) {
		return err
	}
	if p.plaintext, err = r.needsPlaintext(ctx, svc); err != nil {
		return err
	}
	newest.Inputs.Plaintext = p.plaintext
	nats := func(in updates.Inputs) updates.Rendering {
		config := resources.NATSConfigMap(of(in), in.Plaintext)
		set := resources.NATSStatefulSet(of(in), r.NATSImage, config, resources.NATSIdentity{})
		return updates.Rendering{Template: r.ours(set.Spec.Template), Config: resources.NATSConfig(config)}
	}
	p.nats, err = r.readWorkload(ctx, svc, &appsv1.StatefulSet{}, resources.NATSSetName(svc.Name, svc.Spec.NATSServers()), newest, nats)
	return err
}

// ours returns the pods that this operator makes in this cluster.
func (r *Reconciler) ours(template corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	if r.AssignedUserIDs {
		resources.AssignUserIDs(&template.Spec)
	}
	return template
}

func (r *Reconciler) readWorkload(ctx context.Context, svc *v1alpha1.RealtimeService, live client.Object, name string, newest updates.Record, render func(updates.Inputs) updates.Rendering) (workload, error) {
	newest.Rendering = render(newest.Inputs)
	w := workload{newest: newest, render: render}
	for _, from := range []client.Reader{r.Client, r.Reader} { // the cache may not show the record yet
		err := from.Get(ctx, client.ObjectKey{Namespace: svc.Namespace, Name: name}, live)
		if apierrors.IsNotFound(err) {
			live.SetUID("")
			continue // or have no label, by which the cache knows it
		}
		if err != nil {
			return w, fmt.Errorf("read %T %s: %w", live, name, err)
		}
		text, known := live.GetAnnotations()[updates.Annotation]
		if !known {
			continue
		}
		if record, err := r.memory.of(keyOf(svc)).record(text); err == nil {
			w.running, w.text = record, text
			return w, nil
		}
	}
	rendering, err := r.withoutRecord(ctx, svc, live)
	if rendering != nil {
		outdated := svc.Status.ObservedGeneration != svc.Generation
		w.running = &updates.Record{Inputs: newest.Inputs, Outdated: outdated, Rendering: *rendering}
	}
	return w, err
}

// withoutRecord returns what an operator that kept no records has rendered: the fields that it
// owns. It returns nil if there is nothing.
func (r *Reconciler) withoutRecord(ctx context.Context, svc *v1alpha1.RealtimeService, live client.Object) (*updates.Rendering, error) {
	if live.GetUID() == "" {
		return nil, nil
	}
	rendering := &updates.Rendering{}
	switch live := live.(type) {
	case *appsv1.Deployment:
		owned, err := appsapply.ExtractDeployment(live, v1alpha1.FieldManager)
		if err != nil {
			return nil, fmt.Errorf("find what is ours in Deployment %s: %w", live.Name, err)
		}
		if err := convert(owned.Spec, &rendering.Template); err != nil {
			return nil, err
		}
	case *appsv1.StatefulSet:
		owned, err := appsapply.ExtractStatefulSet(live, v1alpha1.FieldManager)
		if err != nil {
			return nil, fmt.Errorf("find what is ours in StatefulSet %s: %w", live.Name, err)
		}
		if err := convert(owned.Spec, &rendering.Template); err != nil {
			return nil, err
		}
		config := resources.NATSConfigMap(svc, false)
		if err := r.Client.Get(ctx, client.ObjectKeyFromObject(config), config); err != nil {
			return nil, client.IgnoreNotFound(err)
		}
		rendering.Config = resources.NATSConfig(config)
		rendering.Template = resources.NATSPods(rendering.Template, config, resources.NATSIdentity{})
	}
	if len(rendering.Template.Spec.Containers) == 0 {
		return nil, nil // the list of managers is gone, as after a restore
	}
	return rendering, nil
}

// convert takes the template out of the apply configuration of a Deployment's or StatefulSet's
// spec.
func convert(spec any, template *corev1.PodTemplateSpec) error {
	data, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("write a pod template: %w", err)
	}
	with := struct {
		Template *corev1.PodTemplateSpec `json:"template"`
	}{template}
	if err := json.Unmarshal(data, &with); err != nil {
		return fmt.Errorf("read a pod template: %w", err)
	}
	return nil
}

// choose chooses the pods, and says which updates are held back.
func (p *plan) choose(update bool) {
	p.standing.Due = nil
	for _, kind := range []struct {
		what string
		*workload
	}{{"gateways", &p.gateways}, {"NATS", &p.nats}} {
		if kind.render == nil {
			continue // the service has no NATS of its own
		}
		kind.Choice = updates.Choose(kind.running, kind.newest, kind.render, update)
		if kind.Due && kind.workload == &p.nats && resources.NeedsNewerNATS(p.gateways.Rendering.Template, kind.Rendering.Config) {
			kind.Choice = updates.Choice{Record: kind.newest}
		}
		if kind.Due {
			p.standing.Due = append(p.standing.Due, fmt.Sprintf("%s run %s, and get %s", kind.what, named(kind.Record), named(kind.newest)))
		}
	}
}

// named says which image of which release a record has.
func named(record updates.Record) string {
	name := imageOf(&record.Rendering.Template)
	if record.Release != "" {
		name += " of release " + record.Release
	}
	return name
}

func imageOf(template *corev1.PodTemplateSpec) string {
	if len(template.Spec.Containers) == 0 {
		return ""
	}
	return template.Spec.Containers[0].Image
}

// takeTurn lets the update begin, if it is the service's turn. That is in its status first: the
// next operator, should this one end, must know.
func (r *Reconciler) takeTurn(ctx context.Context, svc *v1alpha1.RealtimeService, p *plan) error {
	var all v1alpha1.RealtimeServiceList
	// They are only read, and there may be many.
	if err := r.Client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the services: %w", err)
	}
	had := r.Turns.Has(keyOf(svc))
	if p.standing.Waits = !r.Turns.Take(svc, all.Items); p.standing.Waits {
		return nil
	}
	before, due := svc.DeepCopy(), p.standing.Due
	p.standing.Updating = true
	condition := p.standing.Condition()
	condition.ObservedGeneration = svc.Generation
	meta.SetStatusCondition(&svc.Status.Conditions, condition)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, svc, patch, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		if !had { // else it is written, and the cache does not show it yet
			r.Turns.Give(keyOf(svc))
		}
		return fmt.Errorf("write that an update begins: %w", err)
	}
	for _, what := range due {
		r.event(svc, nil, corev1.EventTypeNormal, reasonUpdateStarted, "Update", "%s: %s", what, p.standing.Cause)
	}
	p.choose(true)
	return nil
}

// concludeUpdate ends the service's turn when its pods are of this release and ready.
func (r *Reconciler) concludeUpdate(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	if !seen.plan.standing.Updating {
		return nil
	}
	done, err := r.updated(ctx, svc, seen)
	if done {
		seen.plan.standing.Updating = false
		r.event(svc, nil, corev1.EventTypeNormal, reasonUpdateFinished, "Update", "the pods are those of release %s", r.Release)
	}
	return err
}

func (r *Reconciler) updated(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) (bool, error) {
	d := seen.Deployment
	applied := seen.ApplyErr == nil && !seen.gatewaysWait && d != nil
	if !applied || !status.RolledOut(d) || len(seen.Ready()) < int(seen.Wanted(svc)) {
		return false, nil
	}
	text, err := seen.plan.gateways.annotation()
	if err != nil {
		return false, err
	}
	if d.Annotations[updates.Annotation] != text {
		return false, nil // the cache is outdated
	}
	if leaves(seen.Gateways, r.Now()) {
		return false, nil // they still take the room of the next service's
	}
	return r.natsSettled(ctx, svc)
}

// leaves reports whether a gateway is leaving, and has not been given up: the pods of a node that
// is lost leave for ever.
func leaves(gateways []status.Gateway, now time.Time) bool {
	for _, g := range gateways {
		if ends := g.Pod.DeletionTimestamp; ends != nil && now.Before(ends.Time) {
			return true
		}
	}
	return false
}

// annotation returns the annotation with the record: the present one if that says the same, as
// another release may compress in another way.
func (w *workload) annotation() (string, error) {
	if w.running != nil && w.text != "" && w.Equal(w.running) {
		return w.text, nil
	}
	return w.Encode()
}

// changes reports whether other pods are wanted than those that run, as far as is known.
func (w *workload) changes() bool {
	return w.running == nil || !w.Rendering.Equal(&w.running.Rendering)
}

// stamp gives an object the record of its pods.
func (w *workload) stamp(object client.Object) error {
	text, err := w.annotation()
	if err != nil {
		return err
	}
	object.SetAnnotations(map[string]string{updates.Annotation: text})
	return nil
}

// fillRelease says in the status what runs.
func fillRelease(fill *v1alpha1.RealtimeServiceStatus, seen *observation) {
	p := &seen.plan
	if !p.made {
		return
	}
	if fill.Release = p.standing.Release; p.gateways.Due {
		fill.Release = p.gateways.Release
	}
	fill.NATSImage = imageOf(&p.nats.Rendering.Template)
	if seen.Deployment != nil {
		fill.GatewayImage = imageOf(&seen.Deployment.Spec.Template)
	}
}

// reconcilePaused reports the status of a service, and changes nothing.
func (r *Reconciler) reconcilePaused(ctx context.Context, svc *v1alpha1.RealtimeService) (ctrl.Result, error) {
	seen := observation{Observation: status.Observation{Paused: true}}
	r.Turns.Give(keyOf(svc))
	planErr := r.planPods(ctx, svc, &seen)
	configErr := r.readConfig(ctx, svc, &seen)
	observeErr := r.observe(ctx, svc, &seen)
	statusErr := r.writeStatus(ctx, svc, &seen)
	if apierrors.IsConflict(statusErr) {
		return ctrl.Result{RequeueAfter: firstRetry}, nil
	}
	return ctrl.Result{RequeueAfter: steadyInterval}, errors.Join(planErr, configErr, observeErr, statusErr)
}

// readConfig reads the configuration that gateways have been given.
func (r *Reconciler) readConfig(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	config := &corev1.ConfigMap{}
	name := resources.ConfigMapName(svc.Name)
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: svc.Namespace, Name: name}, config)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read ConfigMap %s: %w", name, err)
	}
	seen.config = []byte(config.Data[resources.ConfigKey])
	seen.Revision = gatewaystatus.Revision(seen.config)
	return nil
}

// tellPaused records an event when the operator stops changing a service, and when it goes on.
func (r *Reconciler) tellPaused(svc *v1alpha1.RealtimeService, before []metav1.Condition) {
	was, is := meta.IsStatusConditionTrue(before, v1alpha1.ConditionPaused), meta.IsStatusConditionTrue(svc.Status.Conditions, v1alpha1.ConditionPaused)
	switch {
	case is && !was:
		r.event(svc, nil, corev1.EventTypeWarning, status.ReasonPaused, "Pause", "the annotation %s keeps the operator from changing anything", v1alpha1.AnnotationPaused)
	case was && !is:
		r.event(svc, nil, corev1.EventTypeNormal, reasonResumed, "Resume", "the operator reconciles the service again")
	}
}
