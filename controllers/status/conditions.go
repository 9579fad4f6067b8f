// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func conditions(svc *v1alpha1.RealtimeService, seen *Observation) []metav1.Condition {
	configured := configuredCondition(svc, seen)
	return []metav1.Condition{
		readyCondition(svc, seen, configured),
		gatewaysCondition(svc, seen),
		natsCondition(svc, seen),
		configured,
	}
}

func readyCondition(svc *v1alpha1.RealtimeService, seen *Observation, configured metav1.Condition) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}
	}
	switch {
	case seen.ApplyErr != nil:
		return is(metav1.ConditionFalse, ReasonApplyFailed, seen.ApplyErr.Error())
	case len(seen.Invalid) > 0:
		return is(metav1.ConditionFalse, configured.Reason, configured.Message)
	case len(seen.Ready()) > 0 && configured.Status != metav1.ConditionTrue:
		return is(configured.Status, configured.Reason, configured.Message)
	case len(seen.Ready()) > 0:
		return is(metav1.ConditionTrue, ReasonReady, "clients can connect")
	case seen.Wanted(svc) == 0:
		return is(metav1.ConditionFalse, ReasonScaledToZero, "no gateway is wanted")
	case svc.Spec.NATS == nil && !seen.NATSReady:
		return is(metav1.ConditionFalse, ReasonStarting, "gateways wait for NATS")
	}
	return is(metav1.ConditionFalse, ReasonStarting, "no gateway is ready yet")
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
	if seen.CertificateProblem != "" {
		condition.Message += ": " + seen.CertificateProblem
	}
	if ready >= wanted {
		condition.Status, condition.Reason = metav1.ConditionTrue, ReasonAvailable
		return condition
	}
	if problem := deploymentProblem(d); problem != "" {
		condition.Message += ": " + problem
	}
	return condition
}

// deploymentProblem returns what the Deployment reports, such as an exceeded quota.
func deploymentProblem(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		failed := c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue ||
			c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse
		if failed {
			return c.Message
		}
	}
	return ""
}

func natsCondition(svc *v1alpha1.RealtimeService, seen *Observation) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionNATSAvailable, Status: status, Reason: reason, Message: message}
	}
	cutOff := natsSight(seen)
	switch {
	case svc.Spec.NATS == nil && !seen.NATSReady:
		return is(metav1.ConditionFalse, ReasonStarting, "NATS is not ready"+cutOff)
	case cutOff != "":
		return is(metav1.ConditionFalse, ReasonDisconnected, natsName(svc)+cutOff+"; their logs and /readyz say why")
	case svc.Spec.NATS == nil:
		return is(metav1.ConditionTrue, ReasonAvailable, natsName(svc)+logSight(svc, seen))
	}
	return is(metav1.ConditionTrue, ReasonExternal, natsName(svc)+logSight(svc, seen))
}

func natsName(svc *v1alpha1.RealtimeService) string {
	if svc.Spec.NATS == nil {
		return "NATS is ready"
	}
	return "spec.nats names it"
}

// natsSight says how many gateways cannot use NATS, either because they do not reach it or because
// it refuses their credentials; empty if all can. Gateways that are not ready count if none is.
func natsSight(seen *Observation) string {
	asked := seen.Ready()
	if len(asked) == 0 {
		asked = seen.Gateways
	}
	without := 0
	for i := range asked {
		if asked[i].CutOff() {
			without++
		}
	}
	if without > 0 {
		return fmt.Sprintf("; %d of %d gateways are not connected to it", without, len(asked))
	}
	return ""
}

// logSight returns what gateways say about a NATS that is connected and does not store.
func logSight(svc *v1alpha1.RealtimeService, seen *Observation) string {
	if svc.Spec.Recovery == nil {
		return ""
	}
	without := 0
	for _, g := range seen.Ready() {
		if g.Err == nil && g.Status.NATS == connected && !g.Status.LogReady {
			without++
		}
	}
	if without == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of %d gateways cannot store in it what is to be recoverable: it has no quorum, or no room", without, len(seen.Ready()))
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

// ErrNoPushes: the gateway is of a release that accepts no pushes of configurations.
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
