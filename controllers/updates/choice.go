// SPDX-License-Identifier: Apache-2.0

package updates

import (
	"k8s.io/apimachinery/pkg/api/equality"
)

// Choice is what a service's pods of one kind should be.
type Choice struct {
	// Record is what they should be.
	Record
	// Due reports whether this release would make other pods, and they are held back.
	Due bool
}

// Choose chooses between the pods that run, nil if there are none or nothing is known of them, and
// those that this release renders. Render renders inputs by this release. Update lets an update of
// the operator replace pods.
//
// A change by the user always brings the newest: pods are replaced anyway.
func Choose(running *Record, newest Record, render func(Inputs) Rendering, update bool) Choice {
	if running == nil {
		return Choice{Record: newest}
	}
	kept := *running
	kept.Inputs, kept.Outdated = newest.Inputs, false
	if running.Rendering.Equal(&newest.Rendering) {
		kept.Request = newest.Request // nothing is due, and a request is for what is
		return Choice{Record: kept}
	}
	if update || running.Outdated || !equality.Semantic.DeepEqual(render(running.Inputs), newest.Rendering) {
		return Choice{Record: newest}
	}
	return Choice{Record: kept, Due: true}
}

// Equal reports whether two records say the same.
func (r *Record) Equal(other *Record) bool { return equality.Semantic.DeepEqual(r, other) }

// Equal reports whether two renderings are the same.
func (r *Rendering) Equal(other *Rendering) bool { return equality.Semantic.DeepEqual(r, other) }
