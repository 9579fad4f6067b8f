// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// conditions returns all conditions of a service but Paused, and apart from these Stalled, which is
// nil unless it is true.
func conditions(svc *v1alpha1.RealtimeService, seen *Observation) (always []metav1.Condition, stalled *metav1.Condition) {
	nats, configured, references := natsCondition(svc, seen), configuredCondition(svc, seen), referencesCondition(seen)
	progressing := progressingCondition(svc, seen, nats)
	gateways := gatewaysCondition(svc, seen)
	always = []metav1.Condition{
		readyCondition(svc, seen, parts{gateways, progressing, nats, configured, references}),
		gateways, progressing, nats, configured, references,
	}
	if seen.UpToDate != nil {
		always = append(always, *seen.UpToDate)
	}
	return always, stalledCondition(seen, progressing, configured)
}

// pausedCondition is nil unless it is true.
func pausedCondition(seen *Observation) *metav1.Condition {
	if !seen.Paused {
		return nil
	}
	return &metav1.Condition{
		Type: v1alpha1.ConditionPaused, Status: metav1.ConditionTrue, Reason: ReasonPaused,
		Message: "the annotation " + v1alpha1.AnnotationPaused + " keeps the operator from changing anything, also certificates that expire",
	}
}

// parts are the conditions that Ready summarizes.
type parts struct{ gateways, progressing, nats, configured, references metav1.Condition }

// readyCondition is true when all that this generation asks for is rolled out and in force, and
// clients can connect. Its reason and message are those of what keeps it from that.
func readyCondition(svc *v1alpha1.RealtimeService, seen *Observation, p parts) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}
	}
	as := func(c metav1.Condition) metav1.Condition { return is(metav1.ConditionFalse, c.Reason, c.Message) }
	none := len(seen.Ready()) == 0
	switch {
	case seen.ApplyErr != nil:
		return is(metav1.ConditionFalse, ReasonApplyFailed, seen.ApplyErr.Error())
	case len(seen.Invalid) > 0:
		return as(p.configured)
	case p.references.Status != metav1.ConditionTrue:
		return as(p.references)
	case seen.Wanted(svc) == 0 && none:
		return is(metav1.ConditionFalse, ReasonScaledToZero, "no gateway is wanted")
	case p.progressing.Status != metav1.ConditionTrue:
		return as(p.progressing)
	case none && !svc.Spec.External() && !seen.NATSReady && !isTrouble(p.nats.Reason):
		return is(metav1.ConditionFalse, ReasonStarting, "gateways wait for NATS")
	case none && p.nats.Status == metav1.ConditionFalse:
		return as(p.nats)
	case none:
		return as(p.gateways)
	case p.progressing.Reason != ReasonRolledOut:
		return as(p.progressing)
	case p.configured.Status != metav1.ConditionTrue:
		return is(p.configured.Status, p.configured.Reason, p.configured.Message)
	}
	return is(metav1.ConditionTrue, ReasonReady, "clients can connect")
}

func gatewaysCondition(svc *v1alpha1.RealtimeService, seen *Observation) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionGatewaysAvailable, Status: metav1.ConditionFalse, Reason: ReasonStarting}
	ready, wanted := len(seen.Ready()), int(seen.Wanted(svc))
	condition.Message = fmt.Sprintf("%d of %d gateways are ready", ready, wanted)
	d := seen.Deployment
	if d == nil {
		return condition
	}
	if !RolledOut(d) {
		condition.Message += fmt.Sprintf(", %d have the newest pod template", d.Status.UpdatedReplicas)
	}
	if ready >= wanted {
		condition.Status, condition.Reason = metav1.ConditionTrue, ReasonAvailable
		return condition
	}
	for _, problem := range []Problem{seen.neededReference(), seen.problem(svc)} {
		if problem.Reason != "" {
			condition.Reason = problem.Reason
			condition.Message += ": " + problem.Message
			break
		}
	}
	return condition
}

func configuredCondition(svc *v1alpha1.RealtimeService, seen *Observation) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionConfigured, Status: status, Reason: reason, Message: message}
	}
	if len(seen.Invalid) > 0 {
		return is(metav1.ConditionFalse, ReasonInvalid, seen.Invalid.ToAggregate().Error())
	}
	if seen.Revision == "" {
		return is(metav1.ConditionFalse, ReasonApplyFailed, "the configuration could not be written")
	}
	ready, lagging := seen.Ready(), seen.Lagging()
	if len(ready) == 0 && seen.Wanted(svc) > 0 {
		return is(metav1.ConditionFalse, ReasonStarting, "no gateway is ready yet")
	}
	if len(lagging) == 0 {
		return is(metav1.ConditionTrue, ReasonInForce, fmt.Sprintf("%d gateways run configuration %s", len(ready), seen.Revision)+keysSight(ready)+programsSight(ready))
	}
	for _, g := range lagging {
		if g.Err == nil && g.Status.ConfigError != "" {
			return is(metav1.ConditionFalse, ReasonRefused, g.Pod.Name+" keeps the old configuration: "+g.Status.ConfigError)
		}
	}
	for _, g := range lagging {
		if g.Err != nil {
			// The error itself is in the log: its text may differ each time.
			return is(metav1.ConditionUnknown, ReasonUnreachable,
				fmt.Sprintf("%s does not tell its status on port %d: does a network policy keep the operator out?", g.Pod.Name, seen.OpsPort))
		}
	}
	return is(metav1.ConditionFalse, ReasonPropagating,
		fmt.Sprintf("%d of %d gateways run configuration %s", len(ready)-len(lagging), len(ready), seen.Revision)+pushProblem(lagging, seen.PeerPort))
}

// keysSight says which JWK set gateways have no keys of, so that they refuse the issuer's tokens;
// empty if there is none. Of several sets, the first in alphabetical order is named.
func keysSight(ready []Gateway) string {
	without := map[string]int{}
	for i := range ready {
		for _, set := range ready[i].Status.KeySets {
			if set.Keys == 0 {
				without[set.URL]++
			}
		}
	}
	if len(without) == 0 {
		return ""
	}
	url := slices.Min(slices.Collect(maps.Keys(without)))
	return fmt.Sprintf("; %d of %d have no keys of %s, and refuse its tokens; their /status says why", without[url], len(ready), url)
}

// programsSight says which program gateways do not ask who clients are, since it has failed; empty
// if there is none. Of several entries, the first in alphabetical order is named.
func programsSight(ready []Gateway) string {
	without := map[string]int{}
	for i := range ready {
		for _, program := range ready[i].Status.Programs {
			if program.Circuit == circuitOpen {
				without[program.Entry]++
			}
		}
	}
	if len(without) == 0 {
		return ""
	}
	entry := slices.Min(slices.Collect(maps.Keys(without)))
	return fmt.Sprintf("; %d of %d have no answers of the program of authentication %s; their /status says why", without[entry], len(ready), entry)
}

// ErrNoPushes means that the gateway is of a release that accepts no pushes of configurations.
var ErrNoPushes = errors.New("the gateway takes no pushes")

// circuitOpen is that of a program that is left alone after failures.
const circuitOpen = "open"

// pushProblem returns, for one of the gateways, why the kubelet must bring the configuration; empty
// if it need not. The error itself is in the log: its text may differ each time.
func pushProblem(lagging []Gateway, port int) string {
	for _, g := range lagging {
		switch {
		case errors.Is(g.PushErr, ErrNoPushes):
			return fmt.Sprintf("; %s is of an earlier release, and gets it within about two minutes", g.Pod.Name)
		case g.PushErr != nil:
			return fmt.Sprintf("; %s does not take it on port %d, and gets it within about two minutes: does a network policy keep the operator out?",
				g.Pod.Name, port)
		}
	}
	return ""
}
