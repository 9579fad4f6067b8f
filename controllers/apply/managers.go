// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Foreign reports whether an entry of an object's managed fields is of another manager, and not of
// the status. The operator's own managers have names that begin with v1alpha1.FieldManager.
func Foreign(entry metav1.ManagedFieldsEntry) bool {
	return !strings.HasPrefix(entry.Manager, v1alpha1.FieldManager) && entry.Subresource != "status"
}

// claimed are fields in the operator's parts of an object that others have written, by manager.
type claimed map[string]*fieldpath.Set

// claims returns them. Entries of another version of the API are left out: their paths may differ.
func claims(entries []metav1.ManagedFieldsEntry, wanted *unstructured.Unstructured) (claimed, error) {
	var all claimed
	for _, entry := range entries {
		taken, _, err := split(entry, wanted)
		if err != nil {
			return nil, err
		}
		if taken.Empty() {
			continue
		}
		if all == nil {
			all = claimed{}
		}
		if all[entry.Manager] == nil {
			all[entry.Manager] = fieldpath.NewSet()
		}
		all[entry.Manager] = all[entry.Manager].Union(taken)
	}
	return all, nil
}

// split divides the fields of an entry into those that are the operator's, and the rest.
func split(entry metav1.ManagedFieldsEntry, wanted *unstructured.Unstructured) (taken, rest *fieldpath.Set, err error) {
	taken, rest = fieldpath.NewSet(), fieldpath.NewSet()
	if !Foreign(entry) || entry.APIVersion != wanted.GetAPIVersion() || entry.FieldsV1 == nil {
		return taken, rest, nil
	}
	fields := fieldpath.NewSet()
	if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, nil, fmt.Errorf("read the fields of manager %q: %w", entry.Manager, err)
	}
	for path := range fields.All() {
		if ours(wanted, path) {
			taken.Insert(path)
		} else {
			rest.Insert(path)
		}
	}
	return taken, rest, nil
}

// reclaimed returns an object's managed fields, in which the operator's entry has what others have
// written in its parts. The next apply removes such a field if it is not wanted.
func reclaimed(entries []metav1.ManagedFieldsEntry, wanted *unstructured.Unstructured) ([]metav1.ManagedFieldsEntry, error) {
	all := fieldpath.NewSet()
	var kept []metav1.ManagedFieldsEntry
	for _, entry := range entries {
		taken, rest, err := split(entry, wanted)
		if err != nil {
			return nil, err
		}
		all = all.Union(taken)
		if taken.Empty() {
			kept = append(kept, entry)
			continue
		}
		if rest.Empty() {
			continue
		}
		if entry.FieldsV1, err = encoded(rest); err != nil {
			return nil, err
		}
		kept = append(kept, entry)
	}
	own := slices.IndexFunc(kept, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == v1alpha1.FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.APIVersion == wanted.GetAPIVersion()
	})
	if own < 0 {
		own = len(kept)
		kept = append(kept, metav1.ManagedFieldsEntry{
			Manager: v1alpha1.FieldManager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: wanted.GetAPIVersion(), FieldsType: "FieldsV1",
		})
	} else {
		before := fieldpath.NewSet()
		if err := before.FromJSON(kept[own].FieldsV1.GetRawReader()); err != nil {
			return nil, fmt.Errorf("read our own fields: %w", err)
		}
		all = all.Union(before)
	}
	fields, err := encoded(all)
	kept[own].FieldsV1 = fields
	return kept, err
}

func encoded(fields *fieldpath.Set) (*metav1.FieldsV1, error) {
	data, err := fields.ToJSON()
	if err != nil {
		return nil, fmt.Errorf("write fields: %w", err)
	}
	entry := &metav1.FieldsV1{}
	return entry, entry.UnmarshalJSON(bytes.TrimSpace(data))
}

// maxNamed is how many fields of a manager are named.
const maxNamed = 3

// String says who has written what.
func (c claimed) String() string {
	var texts []string
	for manager, fields := range c {
		var names []string
		more := 0
		for path := range fields.Leaves().All() {
			if len(names) < maxNamed {
				names = append(names, strings.TrimPrefix(path.String(), "."))
			} else {
				more++
			}
		}
		text := fmt.Sprintf("%q wrote %s", manager, strings.Join(names, ", "))
		if more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return strings.Join(texts, "; ")
}
