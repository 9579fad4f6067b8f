// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// service is one of generation 3 that wants two gateways, and has the condition Progressing with a
// reason of a generation.
func service(reason string, generation int64) *v1alpha1.RealtimeService {
	svc := &v1alpha1.RealtimeService{ObjectMeta: metav1.ObjectMeta{Generation: 3}}
	svc.Spec.Gateway.Replicas = ptr.To[int32](2)
	if reason != "" {
		svc.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionProgressing, Reason: reason, ObservedGeneration: generation}}
	}
	return svc
}

// deployment is one of generation 5 with two replicas.
func deployment(observed int64, replicas, updated int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "chat-gateway", Generation: 5},
		Spec:       appsv1.DeploymentSpec{Replicas: ptr.To[int32](2)},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: observed, Replicas: replicas, UpdatedReplicas: updated},
	}
}

// seenReady is an observation with a number of ready gateways that run the configuration.
func seenReady(d *appsv1.Deployment, ready int) *Observation {
	seen := &Observation{Deployment: d, NATSReady: true, Rollout: Rollout{NATS: true, Applied: 5}, Revision: "a"}
	for range ready {
		seen.Gateways = append(seen.Gateways, Gateway{
			Pod: &corev1.Pod{}, Ready: true, Status: gatewaystatus.Status{NATS: connected, LogReady: true, ConfigHash: "a"},
		})
	}
	return seen
}

func TestWhatCountsAsRolledOut(t *testing.T) {
	was := service(ReasonRolledOut, 3)
	autoscaled := service(ReasonRolledOut, 3)
	autoscaled.Spec.Gateway.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 9}
	changed := func(seen *Observation, how func(*Observation)) *Observation {
		how(seen)
		return seen
	}
	for name, tt := range map[string]struct {
		svc  *v1alpha1.RealtimeService
		seen *Observation
		want bool
	}{
		"all is there":                        {service("", 0), seenReady(deployment(5, 2, 2), 2), true},
		"one gateway is not ready":            {service("", 0), seenReady(deployment(5, 2, 2), 1), false},
		"an old one is left":                  {service("", 0), seenReady(deployment(5, 3, 2), 2), false},
		"no Deployment":                       {service("", 0), seenReady(nil, 0), false},
		"its controller has not seen it":      {service("", 0), seenReady(deployment(4, 2, 2), 2), false},
		"the cache has not seen it":           {service("", 0), changed(seenReady(deployment(5, 2, 2), 2), func(o *Observation) { o.Rollout.Applied = 6 }), false},
		"the change waits for NATS":           {was, changed(seenReady(deployment(5, 2, 2), 2), func(o *Observation) { o.Rollout.Waits = true }), false},
		"NATS is replaced":                    {was, changed(seenReady(deployment(5, 2, 2), 2), func(o *Observation) { o.Rollout.NATS = false }), false},
		"NATS has never been ready":           {service("", 0), changed(seenReady(deployment(5, 2, 2), 2), func(o *Observation) { o.NATSReady = false }), false},
		"NATS fails later":                    {was, changed(seenReady(deployment(5, 2, 2), 2), func(o *Observation) { o.NATSReady = false }), true},
		"a gateway fails later":               {was, seenReady(deployment(5, 2, 2), 1), true},
		"of an earlier generation":            {service(ReasonRolledOut, 2), seenReady(deployment(5, 2, 2), 1), false},
		"somebody restarts gateways":          {was, seenReady(deployment(5, 3, 1), 2), false},
		"an autoscaler adds gateways":         {autoscaled, seenReady(deployment(4, 1, 1), 1), true},
		"and the operator changes them":       {autoscaled, changed(seenReady(deployment(4, 1, 1), 1), func(o *Observation) { o.Rollout.Changed = true }), false},
		"another number is wanted than there": {service("", 0), changed(seenReady(deployment(5, 3, 3), 3), func(o *Observation) { o.Deployment.Spec.Replicas = ptr.To[int32](3) }), false},
	} {
		if got := tt.seen.RolledOut(tt.svc); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestReadySummarizes(t *testing.T) {
	with := func(seen *Observation, how func(*Observation)) *Observation {
		how(seen)
		return seen
	}
	out := func() *Observation { return seenReady(deployment(5, 2, 2), 2) }
	rolling := func(ready int) *Observation { return seenReady(deployment(5, 3, 1), ready) }
	paused := rolling(2)
	paused.Deployment.Spec.Paused = true
	late := rolling(2)
	late.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: stuck, Message: "too long"}}
	other := rolling(2) // of a ReplicaSet that could not be made, which is not about time
	other.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "Other", Message: "no"}}
	zero := service("", 0)
	zero.Spec.Gateway.Replicas = ptr.To[int32](0)
	nothing := seenReady(deployment(5, 0, 0), 0)
	nothing.Deployment.Spec.Replicas = ptr.To[int32](0)
	external := service("", 0)
	external.Spec.NATS = &v1alpha1.NATSSpec{URLs: []string{"nats://elsewhere:4222"}}
	unreachable := rolling(0)
	unreachable.Gateways = []Gateway{{Pod: &corev1.Pod{}, Status: gatewaystatus.Status{NATS: "reconnecting", NATSCause: gatewaystatus.CauseUnreachable, NATSError: "no such host"}}}
	probed := seenReady(deployment(5, 3, 1), 2)
	probed.Gateways = append(probed.Gateways, unreachable.Gateways...)
	probed.Rollout.Problem = Problem{ReasonProbeFailing, "503"}
	leaving := seenReady(deployment(5, 3, 1), 2)
	now := metav1.Now()
	leaving.Gateways = append(leaving.Gateways, Gateway{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}}, Status: unreachable.Gateways[0].Status})
	leaving.Rollout.Problem = Problem{ReasonProbeFailing, "503"}
	for name, tt := range map[string]struct {
		svc                        *v1alpha1.RealtimeService
		seen                       *Observation
		ready, progressing         string
		readyStatus, progressingIs metav1.ConditionStatus
		available, stalled         bool
	}{
		"all is well":                {service("", 0), out(), ReasonReady, ReasonRolledOut, "True", "True", true, false},
		"a rollout":                  {service("", 0), rolling(2), ReasonRollingOut, ReasonRollingOut, "False", "True", true, false},
		"a rollout without a node":   {service("", 0), with(rolling(2), func(o *Observation) { o.Rollout.Problem = Problem{ReasonUnschedulable, "no node"} }), ReasonUnschedulable, ReasonUnschedulable, "False", "False", true, false},
		"one that takes too long":    {service("", 0), late, ReasonRolloutStuck, ReasonRolloutStuck, "False", "False", true, true},
		"one with another condition": {service("", 0), other, ReasonRollingOut, ReasonRollingOut, "False", "True", true, false},
		"a paused Deployment":        {service("", 0), paused, ReasonDeploymentPaused, ReasonDeploymentPaused, "False", "Unknown", true, false},
		"a gateway fails later":      {service(ReasonRolledOut, 3), seenReady(deployment(5, 2, 2), 1), ReasonReady, ReasonRolledOut, "True", "True", false, false},
		"all gateways fail later": {service(ReasonRolledOut, 3), with(seenReady(deployment(5, 2, 2), 0), func(o *Observation) {
			o.Rollout.Problem = Problem{ReasonCrashLoopBackOff, "crash"}
		}), ReasonCrashLoopBackOff, ReasonRolledOut, "False", "True", false, false},
		"a new service whose NATS is unreachable": {external, unreachable, ReasonNATSUnreachable, ReasonNATSUnreachable, "False", "False", false, false},
		"a change to a NATS that is unreachable":  {external, probed, ReasonNATSUnreachable, ReasonNATSUnreachable, "False", "False", true, false},
		"the operator's NATS cannot start": {service("", 0), with(rolling(0), func(o *Observation) {
			o.NATSReady, o.NATSProblem, o.Rollout.Problem = false, Problem{ReasonQuotaExceeded, "quota"}, Problem{ReasonProbeFailing, "503"}
		}), ReasonQuotaExceeded, ReasonQuotaExceeded, "False", "False", false, false},
		"the operator's NATS starts": {service("", 0), with(rolling(0), func(o *Observation) {
			o.NATSReady, o.Rollout.Problem = false, Problem{ReasonProbeFailing, "503"}
		}), ReasonStarting, ReasonRollingOut, "False", "True", false, false},
		"a probe fails for another reason": {external, leaving, ReasonProbeFailing, ReasonProbeFailing, "False", "False", true, false},
		"no gateway is wanted":             {zero, nothing, ReasonScaledToZero, ReasonRolledOut, "False", "True", true, false},
		"an object cannot be applied":      {service(ReasonRolledOut, 3), with(out(), func(o *Observation) { o.ApplyErr = errors.New("no") }), ReasonApplyFailed, ReasonApplyFailed, "False", "False", true, false},
		"an invalid service": {service(ReasonRolledOut, 3), with(out(), func(o *Observation) {
			o.Invalid = field.ErrorList{field.Invalid(field.NewPath("spec"), "x", "no")}
		}), ReasonInvalid, ReasonInvalid, "False", "False", true, true},
		"a Secret is missing": {service(ReasonRolledOut, 3), with(out(), func(o *Observation) {
			o.Unresolved = []Unresolved{{Problem: Problem{ReasonSecretMissing, "Secret"}}}
		}), ReasonSecretMissing, ReasonRolledOut, "False", "True", true, false},
		"a configuration on its way": {service(ReasonRolledOut, 3), with(out(), func(o *Observation) { o.Revision = "b" }), ReasonPropagating, ReasonRolledOut, "False", "True", true, false},
	} {
		Fill(tt.svc, tt.seen, "")
		ready := meta.FindStatusCondition(tt.svc.Status.Conditions, v1alpha1.ConditionReady)
		progressing := meta.FindStatusCondition(tt.svc.Status.Conditions, v1alpha1.ConditionProgressing)
		if ready.Reason != tt.ready || ready.Status != tt.readyStatus || progressing.Reason != tt.progressing || progressing.Status != tt.progressingIs {
			t.Errorf("%s: Ready %s %s, Progressing %s %s", name, ready.Status, ready.Reason, progressing.Status, progressing.Reason)
		}
		if got := meta.IsStatusConditionTrue(tt.svc.Status.Conditions, v1alpha1.ConditionGatewaysAvailable); got != tt.available {
			t.Errorf("%s: gateways are available: %v", name, got)
		}
		if got := meta.IsStatusConditionTrue(tt.svc.Status.Conditions, v1alpha1.ConditionStalled); got != tt.stalled {
			t.Errorf("%s: stalled: %v", name, got)
		}
		for _, c := range tt.svc.Status.Conditions {
			if c.ObservedGeneration != 3 {
				t.Errorf("%s: %s is of generation %d", name, c.Type, c.ObservedGeneration)
			}
		}
	}
}

func TestATroubleIsToldOnce(t *testing.T) {
	is := func(kind, reason, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Reason: reason, Message: message}
	}
	for name, tt := range map[string]struct {
		before, after []metav1.Condition
		want          int
	}{
		"nothing is wrong":         {nil, []metav1.Condition{is("Ready", ReasonReady, ""), is("Progressing", ReasonRollingOut, "")}, 0},
		"two conditions tell it":   {nil, []metav1.Condition{is("Ready", ReasonUnschedulable, "a"), is("Progressing", ReasonUnschedulable, "a")}, 1},
		"it lasts":                 {[]metav1.Condition{is("Ready", ReasonUnschedulable, "a")}, []metav1.Condition{is("Ready", ReasonUnschedulable, "b")}, 0},
		"another one":              {[]metav1.Condition{is("Ready", ReasonUnschedulable, "a")}, []metav1.Condition{is("Ready", ReasonQuotaExceeded, "a")}, 1},
		"the message is the point": {[]metav1.Condition{is("Ready", ReasonSecretMissing, "a")}, []metav1.Condition{is("Ready", ReasonSecretMissing, "b")}, 1},
	} {
		if got := NewTroubles(tt.before, tt.after); len(got) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStalledIsThereWhileItIsTrue(t *testing.T) {
	svc, seen := service("", 0), seenReady(deployment(5, 2, 2), 2)
	for _, invalid := range []field.ErrorList{{field.Invalid(field.NewPath("spec"), "x", "no")}, nil} {
		seen.Invalid = invalid
		Fill(svc, seen, "")
		if stalled := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionStalled); (stalled != nil) != (invalid != nil) {
			t.Errorf("invalid: %v, stalled: %+v", invalid, stalled)
		}
	}
}
