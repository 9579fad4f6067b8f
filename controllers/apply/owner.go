// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// ForeignError is the error for an object with a name that the service needs, and that belongs to
// somebody else.
type ForeignError struct {
	// Name is the object's kind and name.
	Name string
	// Owner is the kind and name of the object's controller; empty if it has none.
	Owner string
	// Labels are those of an object of the service.
	Labels map[string]string
}

func (e *ForeignError) Error() string {
	text := e.Name + " exists and does not belong to this service"
	if e.Owner != "" {
		return text + ", but to " + e.Owner + ": name the service differently"
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(e.Labels)) {
		labels = append(labels, key+"="+e.Labels[key])
	}
	return text + ": name the service differently; or, if it is left from this service, label it " +
		strings.Join(labels, " ") + ", and the operator adopts it"
}

// LeavingError is the error for an object of the service, or of an earlier one, that is being
// deleted.
type LeavingError struct {
	// Name is the object's kind and name.
	Name string
}

func (e *LeavingError) Error() string {
	return e.Name + " is being deleted: it is created again when it is gone"
}

// Check returns an error if the service may not write an object, whose kind and name are given: a
// ForeignError or a LeavingError. An object is the service's if the service controls it. One with
// the service's labels is adopted if nobody controls it, such as after a restore by a program that
// removes owner references, or if an earlier service of the same name does.
func (a *Applier) Check(name string, object metav1.Object, svc *v1alpha1.RealtimeService) error {
	if metav1.IsControlledBy(object, svc) {
		return leaving(name, object)
	}
	labels := a.Labels(svc.Name)
	owner := metav1.GetControllerOf(object)
	if owner != nil && !earlier(*owner, svc) {
		return &ForeignError{Name: name, Owner: owner.Kind + " " + owner.Name}
	}
	for key, value := range labels {
		if object.GetLabels()[key] != value {
			return &ForeignError{Name: name, Labels: labels}
		}
	}
	return leaving(name, object)
}

func leaving(name string, object metav1.Object) error {
	if object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	return &LeavingError{name}
}

// earlier reports whether an owner is a service of the same name that no longer exists.
func earlier(owner metav1.OwnerReference, svc *v1alpha1.RealtimeService) bool {
	version, err := schema.ParseGroupVersion(owner.APIVersion)
	return err == nil && version.Group == v1alpha1.GroupVersion.Group && owner.Kind == "RealtimeService" &&
		owner.Name == svc.Name && owner.UID != svc.UID
}

// ownersWithout returns the owners of an object without earlier services of the same name, and
// whether there were any. An object has one controller at most, so ours could not be added next to
// them.
func ownersWithout(object metav1.Object, svc *v1alpha1.RealtimeService) (rest []metav1.OwnerReference, found bool) {
	owners := object.GetOwnerReferences()
	rest = slices.DeleteFunc(slices.Clone(owners), func(o metav1.OwnerReference) bool { return earlier(o, svc) })
	return rest, len(rest) < len(owners)
}

// adopted describes an object that nobody of this service has written yet, for an event.
func adopted(object metav1.Object) string {
	if owner := metav1.GetControllerOf(object); owner != nil {
		return fmt.Sprintf("it was left by the %s %s of uid %s", owner.Kind, owner.Name, owner.UID)
	}
	return "it had no controller"
}
