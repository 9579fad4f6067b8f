// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// connected is the state of a gateway's connection to NATS.
const connected = "connected"

// quoted bounds what is repeated of a gateway's error.
const quoted = 300

// trouble is what a gateway says of NATS by a cause, as a reason and what to do.
type trouble struct{ reason, advice string }

// troubles with the connection. A gateway of an earlier release names no cause.
var troubles = map[gatewaystatus.Cause]trouble{
	gatewaystatus.CauseUnreachable: {ReasonNATSUnreachable, "check spec.nats.urls, and whether a network policy keeps gateways from it"},
	gatewaystatus.CauseCredentials: {ReasonNATSRefused, "check the Secret of spec.nats.credentialsSecretRef"},
	gatewaystatus.CauseTLS:         {ReasonNATSTLS, "check ca.crt, tls.crt and tls.key of the Secret of spec.nats.credentialsSecretRef, and the names in the certificate of NATS"},
	"":                             {ReasonDisconnected, "their logs and /readyz say why"},
}

// logTroubles are those with JetStream.
var logTroubles = map[gatewaystatus.Cause]trouble{
	gatewaystatus.CauseDisabled: {ReasonJetStreamDisabled, "spec.recovery needs JetStream: enable it on the servers and for the account"},
	gatewaystatus.CauseNoQuorum: {ReasonJetStreamNoQuorum, "more than half of the servers that keep the stream must be there"},
	gatewaystatus.CauseNoRoom:   {ReasonJetStreamNoRoom, "give the account or the disk more room, or set spec.recovery.maxBytes"},
	"":                          {ReasonJetStreamCannotUse, "their logs say why"},
}

func natsCondition(svc *v1alpha1.RealtimeService, seen *Observation) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionNATSAvailable, Status: status, Reason: reason, Message: message}
	}
	own := !svc.Spec.External()
	seesIt := seen.askedAboutNATS()
	reason, cutOff := connectionTrouble(seesIt, own)
	name, well := "the NATS that spec.nats names", ReasonExternal
	if own {
		name, well = "NATS is ready", ReasonAvailable
	}
	switch {
	case own && !seen.NATSReady && seen.NATSProblem.Reason != "":
		return is(metav1.ConditionFalse, seen.NATSProblem.Reason, "NATS is not ready"+seen.missingServers(svc)+": "+seen.NATSProblem.Message)
	case own && !seen.NATSReady && seen.NATSServers > 0:
		return is(metav1.ConditionFalse, ReasonNATSNoQuorum, "NATS cannot store anything"+seen.missingServers(svc)+cutOff)
	case own && !seen.NATSReady:
		return is(metav1.ConditionFalse, ReasonStarting, "NATS is not ready"+cutOff)
	case cutOff != "":
		return is(metav1.ConditionFalse, reason, name+cutOff)
	case !own && len(seesIt) == 0:
		return is(metav1.ConditionUnknown, ReasonStarting, "no gateway has said yet whether it is connected to "+name)
	}
	if reason, message := useTrouble(svc, seesIt); reason != "" {
		return is(metav1.ConditionFalse, reason, name+message)
	}
	missing := seen.missingServers(svc)
	if missing != "" && seen.NATSProblem.Reason != "" {
		return is(metav1.ConditionTrue, ReasonNATSDegraded, name+missing+": "+seen.NATSProblem.Message)
	}
	if own {
		return is(metav1.ConditionTrue, well, name+missing)
	}
	return is(metav1.ConditionTrue, well, "gateways are connected to "+name)
}

// Quorum returns how many servers of the service's own NATS must be ready: without recovery each
// can pass on events, and what is stored takes more than half.
func Quorum(svc *v1alpha1.RealtimeService) int32 {
	if svc.Spec.Recovery == nil {
		return 1
	}
	return svc.Spec.NATSServers()/2 + 1
}

// missingServers says how many servers of a cluster are ready; empty if all are, or if it is one.
func (o *Observation) missingServers(svc *v1alpha1.RealtimeService) string {
	servers, quorum := svc.Spec.NATSServers(), Quorum(svc)
	switch {
	case servers <= 1 || o.NATSServers >= servers:
		return ""
	case o.NATSServers < quorum:
		return fmt.Sprintf("; %d of %d servers are ready, and it takes %d", o.NATSServers, servers, quorum)
	case o.NATSServers == quorum:
		return fmt.Sprintf("; %d of %d servers are ready, so that no other may fail", o.NATSServers, servers)
	}
	return fmt.Sprintf("; %d of %d servers are ready", o.NATSServers, servers)
}

// askedAboutNATS returns the gateways whose word counts: those that are ready, or all if none is,
// as far as they answer.
func (o *Observation) askedAboutNATS() []Gateway {
	answering := func(gateways []Gateway) []Gateway {
		var answers []Gateway
		for _, g := range gateways {
			if g.Err == nil {
				answers = append(answers, g)
			}
		}
		return answers
	}
	if ready := o.Ready(); len(ready) > 0 {
		return answering(ready)
	}
	return answering(o.Gateways)
}

// connectionTrouble says how many gateways cannot use NATS, either because they do not reach it or
// because it refuses them, and why the first of them cannot; empty if all can.
func connectionTrouble(asked []Gateway, own bool) (reason, message string) {
	without, first := 0, (*Gateway)(nil)
	for i := range asked {
		if asked[i].CutOff() {
			if without++; first == nil {
				first = &asked[i]
			}
		}
	}
	if without == 0 {
		return "", ""
	}
	what, known := troubles[first.Status.NATSCause]
	if !known {
		what = troubles[""]
	}
	if own { // what to check is the operator's own affair
		what.advice = troubles[""].advice
	}
	message = fmt.Sprintf("; %d of %d gateways are not connected to it", without, len(asked))
	return what.reason, message + because(Shortened(first.Status.NATSError, quoted)) + "; " + what.advice
}

// useTrouble returns why gateways that are connected to NATS cannot use it for what the service
// asks for; empty if they can.
func useTrouble(svc *v1alpha1.RealtimeService, asked []Gateway) (reason, message string) {
	stores := svc.Spec.Recovery != nil || svc.Spec.Revocation != nil
	for i := range asked {
		s := &asked[i].Status
		switch {
		case s.NATSDenied != "":
			return ReasonNATSPermissions, fmt.Sprintf("; it does not permit what gateways need: %s; see docs/operations/nats.md", Shortened(s.NATSDenied, quoted))
		case stores && olderThan(s.NATSVersion, neededMajor, neededMinor):
			return ReasonNATSTooOld, fmt.Sprintf("; it is of release %s, and JetStream is used of 2.11 or later: update its servers", s.NATSVersion)
		}
	}
	if svc.Spec.Recovery == nil {
		return "", ""
	}
	return logTrouble(asked)
}

// logTrouble says how many gateways cannot store, and why the first of them cannot.
func logTrouble(asked []Gateway) (reason, message string) {
	without, first := 0, (*Gateway)(nil)
	for i := range asked {
		if !asked[i].Status.LogReady {
			if without++; first == nil {
				first = &asked[i]
			}
		}
	}
	if without == 0 {
		return "", ""
	}
	what, known := logTroubles[first.Status.LogCause]
	if !known {
		what = logTroubles[""]
	}
	message = fmt.Sprintf("; %d of %d gateways cannot store in it what is to be recoverable", without, len(asked))
	return what.reason, message + because(Shortened(first.Status.LogError, quoted)) + "; " + what.advice
}

// The oldest release of NATS that a log can be stored in.
const neededMajor, neededMinor = 2, 11

// olderThan reports whether a version such as 2.10.24 is older. One that cannot be read is not.
func olderThan(version string, major, minor int) bool {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return false
	}
	x, errX := strconv.Atoi(parts[0])
	y, errY := strconv.Atoi(parts[1])
	if errX != nil || errY != nil {
		return false
	}
	return x < major || x == major && y < minor
}
