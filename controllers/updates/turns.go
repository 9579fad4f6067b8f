// SPDX-License-Identifier: Apache-2.0

package updates

import (
	"cmp"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// DefaultAtOnce is how many services are updated at the same time.
const DefaultAtOnce = 1

// Turns lets a few services be updated at a time. Whose turn it is, their statuses say, so that an
// operator that starts knows it; Turns itself knows those that the cache does not show yet. The
// zero value lets DefaultAtOnce services. Safe for concurrent use.
type Turns struct {
	// AtOnce is how many services may be updated at the same time.
	AtOnce int

	mu    sync.Mutex
	taken map[types.NamespacedName]struct{} // guarded by mu
}

// Take takes a turn for a service if one is free and nobody waits who comes before it, by namespace
// and name. All are the services as a cache shows them.
func (t *Turns) Take(svc *v1alpha1.RealtimeService, all []v1alpha1.RealtimeService) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	self := client.ObjectKeyFromObject(svc)
	if _, mine := t.taken[self]; mine {
		return true
	}
	before := len(t.taken)
	for i := range all {
		other := &all[i]
		key := client.ObjectKeyFromObject(other)
		if _, counted := t.taken[key]; counted || key == self || Paused(other) || !other.DeletionTimestamp.IsZero() || !together(svc, other) {
			continue
		}
		if reason := ReasonOf(other); reason == ReasonUpdating || reason == ReasonWaiting && precedes(key, self) {
			before++
		}
	}
	if before >= cmp.Or(t.AtOnce, DefaultAtOnce) {
		return false
	}
	if t.taken == nil {
		t.taken = map[types.NamespacedName]struct{}{}
	}
	t.taken[self] = struct{}{}
	return true
}

// Has reports whether a service has taken a turn here.
func (t *Turns) Has(service types.NamespacedName) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, has := t.taken[service]
	return has
}

// Give gives a turn back.
func (t *Turns) Give(service types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.taken, service)
}

// ReasonOf returns the reason of a service's condition UpToDate; empty if it has none.
func ReasonOf(svc *v1alpha1.RealtimeService) string {
	if c := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionUpToDate); c != nil {
		return c.Reason
	}
	return ""
}

// Paused reports whether the operator must change nothing of a service.
func Paused(svc *v1alpha1.RealtimeService) bool {
	return svc.Annotations[v1alpha1.AnnotationPaused] == "true"
}

// together reports whether one installation of the operator looks after both services: what another
// one updates is not for this one to wait for.
func together(a, b *v1alpha1.RealtimeService) bool {
	of := func(svc *v1alpha1.RealtimeService) types.NamespacedName {
		claim := ptr.Deref(svc.Status.Operator, v1alpha1.OperatorClaim{})
		return types.NamespacedName{Namespace: claim.Namespace, Name: claim.Name}
	}
	return of(a) == of(b)
}

func precedes(a, b types.NamespacedName) bool {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name)) < 0
}
