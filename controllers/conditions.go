// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// The reasons of conditions.
const (
	reasonReady        = "Ready"
	reasonAvailable    = "Available"
	reasonExternal     = "External"
	reasonInForce      = "InForce"
	reasonStarting     = "Starting"
	reasonScaledToZero = "ScaledToZero"
	reasonPropagating  = "Propagating"
	reasonUnreachable  = "Unreachable"
	reasonRefused      = "Refused"
	reasonInvalid      = "Invalid"
	reasonApplyFailed  = "ApplyFailed"
	reasonDisconnected = "Disconnected"
)

// messageLimit keeps messages of gateways and the API server readable; conditions may have longer
// ones.
const messageLimit = 2048

func conditions(svc *v1alpha1.RealtimeService, seen *observation) []metav1.Condition {
	configured := configuredCondition(svc, seen)
	return []metav1.Condition{
		readyCondition(svc, seen, configured),
		gatewaysCondition(svc, seen),
		natsCondition(svc, seen),
		configured,
	}
}

func readyCondition(svc *v1alpha1.RealtimeService, seen *observation, configured metav1.Condition) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}
	}
	switch {
	case seen.applyErr != nil:
		return is(metav1.ConditionFalse, reasonApplyFailed, seen.applyErr.Error())
	case len(seen.invalid) > 0:
		return is(metav1.ConditionFalse, configured.Reason, configured.Message)
	case len(seen.ready()) > 0 && configured.Status != metav1.ConditionTrue:
		return is(configured.Status, configured.Reason, configured.Message)
	case len(seen.ready()) > 0:
		return is(metav1.ConditionTrue, reasonReady, "clients can connect")
	case wantedGateways(svc, seen) == 0:
		return is(metav1.ConditionFalse, reasonScaledToZero, "no gateway is wanted")
	case resources.OwnNATS(svc) && !seen.natsReady:
		return is(metav1.ConditionFalse, reasonStarting, "gateways wait for NATS")
	}
	return is(metav1.ConditionFalse, reasonStarting, "no gateway is ready yet")
}

func gatewaysCondition(svc *v1alpha1.RealtimeService, seen *observation) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionGatewaysAvailable, Status: metav1.ConditionFalse, Reason: reasonStarting}
	ready, wanted := len(seen.ready()), int(wantedGateways(svc, seen))
	condition.Message = fmt.Sprintf("%d of %d gateways are ready", ready, wanted)
	d := seen.deployment
	if d == nil {
		return condition
	}
	if !rolledOut(d) {
		condition.Message += fmt.Sprintf(", %d have the newest pod template", d.Status.UpdatedReplicas)
	}
	if seen.certificateProblem != "" {
		condition.Message += ": " + seen.certificateProblem
	}
	if ready >= wanted {
		condition.Status, condition.Reason = metav1.ConditionTrue, reasonAvailable
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

func natsCondition(svc *v1alpha1.RealtimeService, seen *observation) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionNATSAvailable, Status: status, Reason: reason, Message: message}
	}
	cutOff := natsSight(seen)
	switch {
	case resources.OwnNATS(svc) && !seen.natsReady:
		return is(metav1.ConditionFalse, reasonStarting, "NATS is not ready"+cutOff)
	case cutOff != "":
		return is(metav1.ConditionFalse, reasonDisconnected, natsName(svc)+cutOff+"; their logs and /readyz say why")
	case resources.OwnNATS(svc):
		return is(metav1.ConditionTrue, reasonAvailable, natsName(svc)+logSight(svc, seen))
	}
	return is(metav1.ConditionTrue, reasonExternal, natsName(svc)+logSight(svc, seen))
}

func natsName(svc *v1alpha1.RealtimeService) string {
	if resources.OwnNATS(svc) {
		return "NATS is ready"
	}
	return "spec.nats names it"
}

// natsSight says how many gateways cannot use NATS, either because they do not reach it or because
// it refuses their credentials; empty if all can. Gateways that are not ready count if none is.
func natsSight(seen *observation) string {
	asked := seen.ready()
	if len(asked) == 0 {
		asked = seen.gateways
	}
	without := 0
	for i := range asked {
		if asked[i].cutOff() {
			without++
		}
	}
	if without > 0 {
		return fmt.Sprintf("; %d of %d gateways are not connected to it", without, len(asked))
	}
	return ""
}

// cutOff reports whether a gateway says that it is not connected to NATS.
func (g *gateway) cutOff() bool { return g.err == nil && g.status.NATS != "connected" }

// logSight returns what gateways say about a NATS that is connected and does not store.
func logSight(svc *v1alpha1.RealtimeService, seen *observation) string {
	if svc.Spec.Recovery == nil {
		return ""
	}
	without := 0
	for _, g := range seen.ready() {
		if g.err == nil && g.status.NATS == "connected" && !g.status.LogReady {
			without++
		}
	}
	if without == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of %d gateways cannot store in it what is to be recoverable: it has no quorum, or no room", without, len(seen.ready()))
}

func configuredCondition(svc *v1alpha1.RealtimeService, seen *observation) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionConfigured, Status: status, Reason: reason, Message: message}
	}
	if len(seen.invalid) > 0 {
		return is(metav1.ConditionFalse, reasonInvalid, seen.invalid.ToAggregate().Error())
	}
	if seen.revision == "" {
		return is(metav1.ConditionFalse, reasonApplyFailed, "the configuration could not be written")
	}
	ready, lagging := seen.ready(), seen.lagging()
	if len(ready) == 0 && wantedGateways(svc, seen) > 0 {
		return is(metav1.ConditionFalse, reasonStarting, "no gateway is ready yet")
	}
	if len(lagging) == 0 {
		return is(metav1.ConditionTrue, reasonInForce, fmt.Sprintf("%d gateways run configuration %s", len(ready), seen.revision)+keysSight(ready)+programsSight(ready))
	}
	for _, g := range lagging {
		if g.err == nil && g.status.ConfigError != "" {
			return is(metav1.ConditionFalse, reasonRefused, g.pod.Name+" keeps the old configuration: "+g.status.ConfigError)
		}
	}
	for _, g := range lagging {
		if g.err != nil {
			// The error itself is in the log: its text may differ each time.
			return is(metav1.ConditionUnknown, reasonUnreachable,
				fmt.Sprintf("%s does not tell its status on port %d: does a network policy keep the operator out?", g.pod.Name, resources.OpsPort))
		}
	}
	return is(metav1.ConditionFalse, reasonPropagating,
		fmt.Sprintf("%d of %d gateways run configuration %s", len(ready)-len(lagging), len(ready), seen.revision)+pushProblem(lagging))
}

// keysSight says which JWK set gateways have no keys of, so that they refuse the issuer's tokens;
// empty if there is none. Of several sets, the first in alphabetical order is named.
func keysSight(ready []gateway) string {
	without := map[string]int{}
	for i := range ready {
		for _, set := range ready[i].status.KeySets {
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
func programsSight(ready []gateway) string {
	without := map[string]int{}
	for i := range ready {
		for _, program := range ready[i].status.Programs {
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

// circuitOpen is that of a program that is left alone after failures.
const circuitOpen = "open"

// pushProblem returns, for one of the gateways, why the kubelet must bring the configuration; empty
// if it need not. The error itself is in the log: its text may differ each time.
func pushProblem(lagging []gateway) string {
	for _, g := range lagging {
		switch {
		case errors.Is(g.pushErr, errNoPushes):
			return fmt.Sprintf("; %s is of an earlier release, and gets it within about two minutes", g.pod.Name)
		case g.pushErr != nil:
			return fmt.Sprintf("; %s does not take it on port %d, and gets it within about two minutes: does a network policy keep the operator out?",
				g.pod.Name, resources.PeerPort)
		}
	}
	return ""
}
