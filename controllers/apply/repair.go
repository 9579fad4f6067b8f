// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// repairManager is the field manager under which an object is overwritten. It owns nothing for
// longer than that.
const repairManager = v1alpha1.FieldManager + "-repair"

// repair overwrites an object's spec, for cases in which applying cannot change it. If somebody
// edits the key of a list's entry, such as a Service's port, that entry becomes theirs; applying
// would add ours next to it, and both together are refused.
func (a *Applier) repair(ctx context.Context, wanted *unstructured.Unstructured) error {
	patch, err := json.Marshal(map[string]any{"spec": wanted.Object["spec"]})
	if err != nil {
		return fmt.Errorf("write a patch: %w", err)
	}
	object := wanted.DeepCopy()
	if err := a.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(repairManager)); err != nil {
		return fmt.Errorf("write over %s: %w", nameOf(wanted), err)
	}
	// Otherwise the fields that it owns would stay when we no longer want them.
	return a.Disown(ctx, object, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == repairManager })
}

// Disown removes managers from an object's list, and leaves the fields as they are.
func (a *Applier) Disown(ctx context.Context, object client.Object, who func(metav1.ManagedFieldsEntry) bool) error {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	patch, err := json.Marshal([]operation{
		{"replace", "/metadata/managedFields", slices.DeleteFunc(slices.Clone(object.GetManagedFields()), who)},
		// A conflict if somebody has changed the list since it was read.
		{"replace", "/metadata/resourceVersion", object.GetResourceVersion()},
	})
	if err != nil {
		return fmt.Errorf("write a patch: %w", err)
	}
	if err := a.Client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("give up fields of %s: %w", object.GetName(), err)
	}
	return nil
}
