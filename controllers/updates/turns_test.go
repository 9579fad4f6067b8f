// SPDX-License-Identifier: Apache-2.0

package updates

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// standingAt is a service whose condition UpToDate has a reason.
func standingAt(namespace, name, reason string) v1alpha1.RealtimeService {
	svc := v1alpha1.RealtimeService{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	meta.SetStatusCondition(&svc.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionUpToDate, Status: metav1.ConditionFalse, Reason: reason})
	return svc
}

func TestTurns(t *testing.T) {
	paused := standingAt("a", "a", ReasonUpdating)
	paused.Annotations = map[string]string{v1alpha1.AnnotationPaused: "true"}
	elsewhere := standingAt("a", "a", ReasonUpdating)
	elsewhere.Status.Operator = &v1alpha1.OperatorClaim{Namespace: "another", Name: "operator"}
	deleted := standingAt("a", "a", ReasonUpdating)
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	for name, tt := range map[string]struct {
		others []v1alpha1.RealtimeService
		atOnce int
		want   bool
	}{
		"nobody else":                     {nil, 1, true},
		"one is updated":                  {[]v1alpha1.RealtimeService{standingAt("m", "z", ReasonUpdating)}, 1, false},
		"one of two is updated":           {[]v1alpha1.RealtimeService{standingAt("m", "z", ReasonUpdating)}, 2, true},
		"two of two are updated":          {[]v1alpha1.RealtimeService{standingAt("m", "z", ReasonUpdating), standingAt("m", "y", ReasonUpdating)}, 2, false},
		"one by default":                  {[]v1alpha1.RealtimeService{standingAt("m", "z", ReasonUpdating)}, 0, false},
		"one that comes first waits":      {[]v1alpha1.RealtimeService{standingAt("m", "a", ReasonWaiting)}, 1, false},
		"one of another namespace waits":  {[]v1alpha1.RealtimeService{standingAt("a", "z", ReasonWaiting)}, 1, false},
		"one that comes later waits":      {[]v1alpha1.RealtimeService{standingAt("m", "z", ReasonWaiting)}, 1, true},
		"one of a later namespace waits":  {[]v1alpha1.RealtimeService{standingAt("z", "a", ReasonWaiting)}, 1, true},
		"others have updates":             {[]v1alpha1.RealtimeService{standingAt("a", "a", ReasonAvailable), standingAt("a", "b", ReasonUpToDate), {}}, 1, true},
		"the service itself":              {[]v1alpha1.RealtimeService{standingAt("m", "m", ReasonUpdating)}, 1, true},
		"one that is paused is updated":   {[]v1alpha1.RealtimeService{paused}, 1, true},
		"one is another operator's":       {[]v1alpha1.RealtimeService{elsewhere}, 1, true},
		"one that is deleted was updated": {[]v1alpha1.RealtimeService{deleted}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			turns := Turns{AtOnce: tt.atOnce}
			svc := standingAt("m", "m", ReasonAvailable)
			if got := turns.Take(&svc, tt.others); got != tt.want {
				t.Errorf("it is its turn: %v", got)
			}
			if got := turns.Has(client.ObjectKeyFromObject(&svc)); got != tt.want {
				t.Errorf("it has a turn: %v", got)
			}
		})
	}
}

// A turn that the cache does not show yet counts, and counts once.
func TestTurnsThatAreNotShownYet(t *testing.T) {
	turns := Turns{AtOnce: 2}
	first, second, third := standingAt("a", "a", ReasonAvailable), standingAt("a", "b", ReasonAvailable), standingAt("a", "c", ReasonAvailable)
	shown := []v1alpha1.RealtimeService{first, second, third}
	for range 2 {
		if !turns.Take(&first, shown) {
			t.Error("the first has no turn")
		}
	}
	shown[0] = standingAt("a", "a", ReasonUpdating)
	if !turns.Take(&second, shown) {
		t.Error("the first counts twice")
	}
	if turns.Take(&third, []v1alpha1.RealtimeService{first, second, third}) {
		t.Error("turns that are not shown do not count")
	}
	turns.Give(client.ObjectKeyFromObject(&first))
	if !turns.Take(&third, []v1alpha1.RealtimeService{first, second, third}) {
		t.Error("a turn that was given back counts")
	}
}
