// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The reasons of events.
const (
	ReasonCreated  = "Created"
	ReasonUpdated  = "Updated"
	ReasonDeleted  = "Deleted"
	ReasonAdopted  = "Adopted"
	ReasonReverted = "Reverted"
)

// EventFunc records an event about a service and one of its objects.
type EventFunc func(svc *v1alpha1.RealtimeService, about runtime.Object, kind, reason, action, note string, args ...any)

// Applier applies objects of services. Safe for concurrent use on different services.
type Applier struct {
	// Client writes, and reads from the cache.
	Client client.Client
	// Reader reads from the API server.
	Reader client.Reader
	// Event records what was done, for people.
	Event EventFunc
	// Labels returns the labels by which an object is known as a service's.
	Labels func(service string) map[string]string
	// Now is the clock.
	Now func() time.Time

	memory memory
}

// Apply applies an object of the service. It does nothing if neither the object nor what is wanted
// has changed since the last apply.
func (a *Applier) Apply(ctx context.Context, svc *v1alpha1.RealtimeService, wanted client.Object) error {
	live, err := a.live(ctx, svc, wanted)
	if err != nil {
		return err
	}
	return a.ApplyOver(ctx, svc, live, wanted)
}

// ApplyOver applies an object over the live one, nil if there is none. An object with a resource
// version is applied over that version only.
func (a *Applier) ApplyOver(ctx context.Context, svc *v1alpha1.RealtimeService, live, wanted client.Object) error {
	object, err := applyConfiguration(wanted)
	if err != nil {
		return err
	}
	hash, err := hashOf(object)
	if err != nil {
		return fmt.Errorf("hash %s: %w", nameOf(wanted), err)
	}
	remembered := a.memory.of(svc)
	last, known := remembered[nameOf(wanted)]
	if live != nil && last.wanted == hash && last.version == live.GetResourceVersion() {
		return nil
	}
	object.SetResourceVersion(wanted.GetResourceVersion())
	var theirs claimed
	if live != nil {
		if theirs, err = a.settle(ctx, svc, live, object); err != nil {
			return err
		}
	}
	if object, err = a.applyOrRepair(ctx, svc, live, object); err != nil {
		return err
	}
	switch {
	case live == nil:
		a.Event(svc, object, corev1.EventTypeNormal, ReasonCreated, "Create", "created %s", nameOf(wanted))
	case !metav1.IsControlledBy(live, svc):
		a.Event(svc, object, corev1.EventTypeNormal, ReasonAdopted, "Adopt", "adopted %s: %s", nameOf(wanted), adopted(live))
	case len(theirs) > 0:
		a.Event(svc, object, corev1.EventTypeNormal, ReasonReverted, "Revert", "set %s back: %s", nameOf(wanted), theirs)
	case known && last.wanted != hash:
		a.Event(svc, object, corev1.EventTypeNormal, ReasonUpdated, "Update", "updated %s", nameOf(wanted))
	}
	last = remembered[nameOf(wanted)]
	last.wanted, last.version, last.generation = hash, object.GetResourceVersion(), object.GetGeneration()
	if unseen, err := claims(object.GetManagedFields(), object); err != nil || len(unseen) > 0 {
		last.version = "" // written since the cache was filled: to be set back when the cache has it
	}
	remembered[nameOf(wanted)] = last
	return nil
}

// settle makes the service the only owner of its object, and the operator the only manager of its
// parts of it. It returns what others had written there, and a ContestedError if they do so each
// time.
func (a *Applier) settle(ctx context.Context, svc *v1alpha1.RealtimeService, live client.Object, wanted *unstructured.Unstructured) (claimed, error) {
	theirs, err := claims(live.GetManagedFields(), wanted)
	if err != nil {
		return nil, err
	}
	_, left := ownersWithout(live, svc)
	if len(theirs) == 0 && !left {
		return nil, nil
	}
	remembered, name := a.memory.of(svc), nameOf(wanted)
	last := remembered[name]
	if last.contest.lost(a.Now()) {
		return nil, &ContestedError{Name: name, Who: theirs.String()}
	}
	if theirs, err = a.takeBack(ctx, svc, wanted); err != nil {
		return nil, err
	}
	if len(theirs) > 0 {
		last.contest = last.contest.another(a.Now())
		remembered[name] = last
	}
	return theirs, nil
}

// applyOrRepair applies an object. If that is refused, somebody may have written meanwhile what
// cannot be next to ours, or made the object immutable.
func (a *Applier) applyOrRepair(ctx context.Context, svc *v1alpha1.RealtimeService, live client.Object, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	pristine := object.DeepCopy()
	err := a.ApplyAs(ctx, v1alpha1.FieldManager, object)
	if live == nil || !apierrors.IsInvalid(err) {
		return object, err
	}
	if _, err := a.takeBack(ctx, svc, pristine); err != nil {
		return nil, err
	}
	object = pristine.DeepCopy()
	err = a.ApplyAs(ctx, v1alpha1.FieldManager, object)
	if !apierrors.IsInvalid(err) || !replaceable(pristine) {
		return object, err
	}
	pristine.SetResourceVersion("")
	uid := live.GetUID()
	if err := a.Client.Delete(ctx, pristine.DeepCopy(), client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("replace %s: %w", nameOf(pristine), err)
	}
	return pristine, a.ApplyAs(ctx, v1alpha1.FieldManager, pristine)
}

// replaceable reports whether an object may be deleted and created again at once: pods that have
// mounted it do not notice.
func replaceable(object *unstructured.Unstructured) bool {
	return object.GetKind() == "ConfigMap" || object.GetKind() == "Secret"
}

// ApplyAs applies an object under a field manager, and stores the result in it.
func (a *Applier) ApplyAs(ctx context.Context, manager string, object *unstructured.Unstructured) error {
	name := object.GetKind() + " " + object.GetName()
	configuration := client.ApplyConfigurationFromUnstructured(object)
	if err := a.Client.Apply(ctx, configuration, client.FieldOwner(manager), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	return nil
}

// live returns the object in the cluster, nil if there is none. It returns an error if the object
// does not belong to the service, since applying would take it over.
func (a *Applier) live(ctx context.Context, svc *v1alpha1.RealtimeService, wanted client.Object) (client.Object, error) {
	live := reflect.New(reflect.TypeOf(wanted).Elem()).Interface().(client.Object)
	err := a.Client.Get(ctx, client.ObjectKeyFromObject(wanted), live)
	if apierrors.IsNotFound(err) {
		// The cache has only objects with our label.
		return a.unlabelled(ctx, svc, wanted)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", nameOf(wanted), err)
	}
	if err := a.Check(nameOf(wanted), live, svc); err != nil {
		return nil, err
	}
	return live, nil
}

func (a *Applier) unlabelled(ctx context.Context, svc *v1alpha1.RealtimeService, wanted client.Object) (client.Object, error) {
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(wanted.GetObjectKind().GroupVersionKind())
	err := a.Reader.Get(ctx, client.ObjectKeyFromObject(wanted), live)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", nameOf(wanted), err)
	}
	if err := a.Check(nameOf(wanted), live, svc); err != nil {
		return nil, err
	}
	return live, nil
}

// Remove deletes an object that the service no longer wants, if the reader finds it. An object that
// does not belong to the service stays.
func (a *Applier) Remove(ctx context.Context, svc *v1alpha1.RealtimeService, from client.Reader, unwanted client.Object) error {
	name := nameOf(unwanted)
	err := from.Get(ctx, client.ObjectKeyFromObject(unwanted), unwanted)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if foreignOrLeaving := a.Check(name, unwanted, svc); foreignOrLeaving != nil {
		return nil //nolint:nilerr // it is not the service's to delete, or is being deleted
	}
	uid := unwanted.GetUID()
	err = a.Client.Delete(ctx, unwanted, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	delete(a.memory.of(svc), name)
	a.Event(svc, unwanted, corev1.EventTypeNormal, ReasonDeleted, "Delete", "deleted %s", name)
	return nil
}

// applyConfiguration returns the object as it is sent: without fields that a typed object cannot
// omit, and that the operator does not want to own.
func applyConfiguration(wanted client.Object) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(wanted)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", nameOf(wanted), err)
	}
	unstructured.RemoveNestedField(fields, "status")
	for _, path := range [][]string{
		{"metadata", "creationTimestamp"},
		{"metadata", "resourceVersion"},
		{"spec", "template", "metadata", "creationTimestamp"},
	} {
		unstructured.RemoveNestedField(fields, path...)
	}
	return &unstructured.Unstructured{Object: fields}, nil
}

func hashOf(object *unstructured.Unstructured) ([32]byte, error) {
	data, err := json.Marshal(object.Object) // with sorted keys
	return sha256.Sum256(data), err
}

// nameOf returns an object's kind and name, for people.
func nameOf(object client.Object) string {
	return object.GetObjectKind().GroupVersionKind().Kind + " " + object.GetName()
}
