// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Rollout is what is known of the replacement of the gateways, and of NATS, by newer ones.
type Rollout struct {
	// Applied is the generation of the Deployment after the last apply; the cache may have an older
	// one.
	Applied int64
	// Changed reports whether another Deployment is wanted than the one that was rolled out last,
	// or that is not known.
	Changed bool
	// Waits reports whether a change of the gateways waits for NATS.
	Waits bool
	// Problem is what keeps gateways with the newest pod template from starting; none if nothing is
	// known.
	Problem Problem
	// NATS reports whether all pods of the service's own NATS have the newest template; true
	// without one.
	NATS bool
}

// RolledOut reports whether all pods of a Deployment have the newest template.
func RolledOut(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == d.Status.Replicas &&
		(d.Spec.Replicas == nil || d.Status.UpdatedReplicas == *d.Spec.Replicas)
}

// RolledOut reports whether what the service asks for is rolled out, or was. Gateways that fail
// later, or that an autoscaler adds, are no rollout.
func (o *Observation) RolledOut(svc *v1alpha1.RealtimeService) bool {
	d := o.Deployment
	if d == nil || o.Rollout.Waits || !o.Rollout.NATS {
		return false
	}
	wanted := o.Wanted(svc)
	lags := d.Generation < o.Rollout.Applied || d.Status.ObservedGeneration < d.Generation
	if !lags && RolledOut(d) && ptr.Deref(d.Spec.Replicas, 1) == wanted && len(o.Ready()) >= int(wanted) && o.ownNATSReady(svc) {
		return true
	}
	before := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionProgressing)
	if before == nil || before.Reason != ReasonRolledOut || before.ObservedGeneration != o.generation(svc) {
		return false
	}
	if lags { // for a moment, when an autoscaler has set the number
		return !o.Rollout.Changed
	}
	return d.Status.UpdatedReplicas == d.Status.Replicas
}

func (o *Observation) ownNATSReady(svc *v1alpha1.RealtimeService) bool {
	return svc.Spec.External() || o.NATSReady
}

// stuck is the reason of the Deployment's controller for a rollout that takes longer than
// progressDeadlineSeconds.
const stuck = "ProgressDeadlineExceeded"

// deadlineExceeded returns what the Deployment's controller says of a rollout that takes too long;
// empty if it does not.
func deadlineExceeded(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == stuck {
			return c.Message
		}
	}
	return ""
}

// progressingCondition says whether what the service asks for is being rolled out, as a
// Deployment's condition of this name does: true while it is and once it was, false while it cannot
// go on.
func progressingCondition(svc *v1alpha1.RealtimeService, seen *Observation, nats metav1.Condition) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionProgressing, Status: status, Reason: reason, Message: message}
	}
	switch d := seen.Deployment; {
	case seen.ApplyErr != nil:
		return is(metav1.ConditionFalse, ReasonApplyFailed, seen.ApplyErr.Error())
	case len(seen.Invalid) > 0:
		return is(metav1.ConditionFalse, ReasonInvalid, seen.Invalid.ToAggregate().Error())
	case seen.Rollout.Waits:
		return is(metav1.ConditionTrue, ReasonWaitingForNATS, "gateways are replaced when NATS is, and they are connected to it")
	case d == nil:
		return is(metav1.ConditionTrue, ReasonRollingOut, "the Deployment of the gateways is not there yet")
	case seen.RolledOut(svc):
		return is(metav1.ConditionTrue, ReasonRolledOut, "all gateways have the newest pod template"+pausedToo(d))
	case d.Spec.Paused:
		return is(metav1.ConditionUnknown, ReasonDeploymentPaused, fmt.Sprintf("somebody has paused Deployment %s: kubectl rollout resume", d.Name))
	case seen.problem(svc).Reason != "":
		return is(metav1.ConditionFalse, seen.problem(svc).Reason, seen.problem(svc).Message)
	case len(seen.Ready()) == 0 && nats.Status == metav1.ConditionFalse && isTrouble(nats.Reason):
		return is(metav1.ConditionFalse, nats.Reason, "gateways wait for NATS: "+nats.Message)
	case deadlineExceeded(d) != "":
		return is(metav1.ConditionFalse, ReasonRolloutStuck, deadlineExceeded(d))
	case !seen.Rollout.NATS || !seen.ownNATSReady(svc):
		return is(metav1.ConditionTrue, ReasonRollingOut, "NATS is being started")
	default:
		return is(metav1.ConditionTrue, ReasonRollingOut, fmt.Sprintf("%d of %d gateways have the newest pod template, %d are ready",
			d.Status.UpdatedReplicas, seen.Wanted(svc), len(seen.Ready())))
	}
}

// problem returns what keeps gateways with the newest pod template from starting. What gateways say
// themselves says more than that their probe fails.
func (o *Observation) problem(svc *v1alpha1.RealtimeService) Problem {
	if o.Rollout.Problem.Reason != ReasonProbeFailing {
		return o.Rollout.Problem
	}
	if !o.ownNATSReady(svc) {
		return o.NATSProblem
	}
	var waiting []Gateway
	for _, g := range o.Gateways {
		if !g.Ready && g.Err == nil && g.Pod.DeletionTimestamp.IsZero() {
			waiting = append(waiting, g)
		}
	}
	reason, message := connectionTrouble(waiting, !svc.Spec.External())
	if reason == "" {
		reason, message = useTrouble(svc, waiting)
	}
	if reason == "" {
		return o.Rollout.Problem
	}
	return Problem{reason, "gateways wait for NATS" + message}
}

func pausedToo(d *appsv1.Deployment) string {
	if !d.Spec.Paused {
		return ""
	}
	return fmt.Sprintf("; somebody has paused Deployment %s, so that no change will reach them", d.Name)
}

// stalledCondition is there while a rollout cannot end without a person, which is what kstatus (and
// so Flux and Helm) takes for a failure.
func stalledCondition(seen *Observation, progressing, configured metav1.Condition) *metav1.Condition {
	is := func(of metav1.Condition) *metav1.Condition {
		return &metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: of.Reason, Message: of.Message}
	}
	d := seen.Deployment
	switch {
	case configured.Reason == ReasonInvalid || configured.Reason == ReasonRefused:
		return is(configured)
	case progressing.Status == metav1.ConditionFalse && d != nil && deadlineExceeded(d) != "" && d.Status.ObservedGeneration >= d.Generation:
		return is(progressing)
	}
	return nil
}
