// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// messageLimit keeps messages of gateways and the API server readable; conditions may have longer
// ones.
const messageLimit = 2048

// Fill sets the status of a service to what was seen. The selector is that of its gateway pods.
func Fill(svc *v1alpha1.RealtimeService, seen *Observation, selector string) {
	status := &svc.Status
	status.ObservedGeneration = seen.generation(svc)
	status.Replicas = 0
	if seen.Deployment != nil {
		status.Replicas = seen.Deployment.Status.Replicas
	}
	// The Deployment's own count lags behind the pods.
	status.ReadyReplicas = int32(len(seen.Ready()))
	status.Gateways = fmt.Sprintf("%d/%d", status.ReadyReplicas, seen.Wanted(svc))
	status.Connections = seen.Connections
	status.Selector = selector
	fillScaling(svc, seen)
	always, stalled := conditions(svc, seen)
	for _, condition := range always {
		set(svc, condition)
	}
	setOrRemove(svc, v1alpha1.ConditionStalled, stalled)
	setOrRemove(svc, v1alpha1.ConditionPaused, pausedCondition(seen))
}

func setOrRemove(svc *v1alpha1.RealtimeService, kind string, condition *metav1.Condition) {
	if condition == nil {
		meta.RemoveStatusCondition(&svc.Status.Conditions, kind)
		return
	}
	set(svc, *condition)
}

func set(svc *v1alpha1.RealtimeService, condition metav1.Condition) {
	condition.ObservedGeneration = max(svc.Status.ObservedGeneration, 0) // it is -1 until something has been applied
	condition.Message = Shortened(condition.Message, messageLimit)
	meta.SetStatusCondition(&svc.Status.Conditions, condition)
}

// NewTroubles returns the conditions that tell of a problem which the conditions of before do not:
// one for each problem, so that it is told once. If the message says what the problem is, another
// message is another problem. An update that is due is none, and has events of its own.
func NewTroubles(before, after []metav1.Condition) []metav1.Condition {
	same := func(c metav1.Condition) func(metav1.Condition) bool {
		return func(other metav1.Condition) bool {
			return other.Reason == c.Reason && (other.Message == c.Message || !slices.Contains(precise, c.Reason))
		}
	}
	var fresh []metav1.Condition
	for _, c := range after {
		told := c.Type == v1alpha1.ConditionUpToDate || slices.ContainsFunc(before, same(c)) || slices.ContainsFunc(fresh, same(c))
		if isTrouble(c.Reason) && !told {
			fresh = append(fresh, c)
		}
	}
	return fresh
}

// Shortened returns a text of at most limit bytes.
func Shortened(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	cut := limit - len(more)
	for cut > 0 && text[cut]&0xC0 == 0x80 { // not within a character
		cut--
	}
	return text[:cut] + more
}
