// SPDX-License-Identifier: Apache-2.0

package updates

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/maintenance"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The reasons of the condition UpToDate.
const (
	ReasonUpToDate  = "UpToDate"
	ReasonAvailable = "UpdateAvailable"
	ReasonWaiting   = "Waiting"
	ReasonUpdating  = "Updating"
)

// Standing is how a service stands to the operator's release.
type Standing struct {
	// Release is the operator's own.
	Release string
	// Due are the updates that are held back, such as "gateways run a:1 of release 1, and get b:2".
	Due []string
	// Cause is why they need not be held back any longer; empty if they must.
	Cause string
	// Opens is when the next maintenance window opens; zero if there is none.
	Opens time.Time
	// Waits reports whether other services are updated first.
	Waits bool
	// Updating reports whether it is the service's turn, and it is not ready yet.
	Updating bool
}

// Condition returns the condition UpToDate.
func (s *Standing) Condition() metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionUpToDate, Status: status, Reason: reason, Message: message}
	}
	due := strings.Join(s.Due, "; ")
	switch {
	case s.Updating:
		return is(metav1.ConditionFalse, ReasonUpdating, "the pods of release "+s.Release+" are not all ready yet")
	case due == "":
		return is(metav1.ConditionTrue, ReasonUpToDate, "the pods are those of release "+s.Release)
	case s.Waits:
		// It names no service: each would be written again whenever another one has its turn.
		return is(metav1.ConditionFalse, ReasonWaiting, due+": services take turns, and those with the reason "+ReasonUpdating+" come first")
	}
	return is(metav1.ConditionFalse, ReasonAvailable, due+": "+s.advice())
}

// advice says how the update comes.
func (s *Standing) advice() string {
	advice := "request it by another value of the annotation " + v1alpha1.AnnotationUpdate
	if !s.Opens.IsZero() {
		advice += ", or wait for the window that opens at " + s.Opens.Format(time.RFC3339)
	}
	return advice
}

// Cause returns why a service's pods may be replaced by those of another release: its policy, a
// window, or a request that the record of the pods does not have. It is empty if they may not be.
func Cause(svc *v1alpha1.RealtimeService, fulfilled string, now time.Time) (cause string, opens time.Time) {
	policy := &svc.Spec.Gateway.UpdatePolicy
	request := svc.Annotations[v1alpha1.AnnotationUpdate]
	switch {
	case policy.Type == v1alpha1.UpdateImmediately:
		return "its policy is " + string(policy.Type), opens
	case request != "" && request != fulfilled:
		return "requested as " + request, opens
	case policy.Type != v1alpha1.UpdateInWindow:
		return "", opens
	}
	for _, spec := range policy.Windows {
		window, err := maintenance.Parse(spec)
		if err != nil {
			continue // validation reports it
		}
		if window.Open(now) {
			return "the window " + spec.Schedule + " is open", time.Time{}
		}
		if next := window.Next(now); opens.IsZero() || next.Before(opens) {
			opens = next
		}
	}
	return "", opens
}
