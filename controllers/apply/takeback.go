// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// takeBack makes the operator the only manager of its parts of an object, and returns what others
// had written there. The values stay until the next apply, which removes what is not wanted: both
// together, since the API server may refuse to have ours next to theirs. If the wanted object has a
// resource version, it gets that of the object after that.
func (a *Applier) takeBack(ctx context.Context, svc *v1alpha1.RealtimeService, wanted *unstructured.Unstructured) (claimed, error) {
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(wanted.GroupVersionKind())
	// The cache may be outdated, and has not all managers.
	if err := a.Reader.Get(ctx, client.ObjectKeyFromObject(wanted), live); err != nil {
		return nil, fmt.Errorf("read %s: %w", nameOf(wanted), err)
	}
	if err := a.Check(nameOf(wanted), live, svc); err != nil {
		return nil, err
	}
	version := wanted.GetResourceVersion()
	if version != "" && version != live.ResourceVersion {
		return nil, apierrors.NewConflict(schema.GroupResource{Resource: wanted.GetKind()}, wanted.GetName(), errors.New("somebody else has written it"))
	}
	if len(live.ManagedFields) == 0 {
		if err := a.track(ctx, live); err != nil {
			return nil, err
		}
	}
	theirs, err := claims(live.ManagedFields, wanted)
	if err != nil {
		return nil, err
	}
	owners, left := ownersWithout(live, svc)
	if len(theirs) == 0 && !left {
		return nil, nil
	}
	fields, err := reclaimed(live.ManagedFields, wanted)
	if err != nil {
		return nil, err
	}
	patch := []operation{{"replace", "/metadata/managedFields", fields}}
	if left {
		patch = append(patch, operation{"replace", "/metadata/ownerReferences", owners})
	}
	err = a.patchMetadata(ctx, live, patch)
	if version != "" {
		wanted.SetResourceVersion(live.ResourceVersion)
	}
	return theirs, err
}

// track makes the API server list the managers of an object whose list somebody has emptied. Until
// the next apply it does not take note of who writes what, and gives all that it finds then to a
// manager of its own. Nothing is applied here, so that this cannot be refused.
func (a *Applier) track(ctx context.Context, live *metav1.PartialObjectMetadata) error {
	nothing := &unstructured.Unstructured{}
	nothing.SetGroupVersionKind(live.GroupVersionKind())
	nothing.SetNamespace(live.Namespace)
	nothing.SetName(live.Name)
	nothing.SetResourceVersion(live.ResourceVersion)
	if err := a.ApplyAs(ctx, v1alpha1.FieldManager, nothing); err != nil {
		return err
	}
	live.ManagedFields, live.ResourceVersion = nothing.GetManagedFields(), nothing.GetResourceVersion()
	return nil
}

// Disown removes managers from an object's list, and leaves the fields as they are.
func (a *Applier) Disown(ctx context.Context, object client.Object, who func(metav1.ManagedFieldsEntry) bool) error {
	kept := slices.DeleteFunc(slices.Clone(object.GetManagedFields()), who)
	return a.patchMetadata(ctx, object, []operation{{"replace", "/metadata/managedFields", kept}})
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patchMetadata patches an object. It fails with a conflict if somebody has changed the object
// since it was read.
func (a *Applier) patchMetadata(ctx context.Context, object client.Object, operations []operation) error {
	patch, err := json.Marshal(append(operations, operation{"replace", "/metadata/resourceVersion", object.GetResourceVersion()}))
	if err != nil {
		return fmt.Errorf("write a patch: %w", err)
	}
	if err := a.Client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return fmt.Errorf("change who manages %s: %w", object.GetName(), err)
	}
	return nil
}
