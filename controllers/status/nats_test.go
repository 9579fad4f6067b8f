// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// What gateways say of a NATS that the operator does not run.
func TestAnExternalNATSIsJudgedByGateways(t *testing.T) {
	says := func(s gatewaystatus.Status) []Gateway { return []Gateway{{Ready: true, Status: s}} }
	cutOff := func(cause gatewaystatus.Cause) []Gateway {
		return []Gateway{{Status: gatewaystatus.Status{NATS: "reconnecting", NATSCause: cause, NATSError: "what NATS says"}}}
	}
	well := gatewaystatus.Status{NATS: connected, NATSVersion: "2.11.0", LogReady: true}
	with := func(how func(*gatewaystatus.Status)) []Gateway {
		s := well
		how(&s)
		return says(s)
	}
	log := func(cause gatewaystatus.Cause) []Gateway {
		return with(func(s *gatewaystatus.Status) {
			s.LogReady, s.LogCause, s.LogError = false, cause, "what JetStream says"
		})
	}
	silent := []Gateway{{Ready: true, Err: errors.New("connection refused")}}
	for name, tt := range map[string]struct {
		gateways []Gateway
		status   metav1.ConditionStatus
		reason   string
		says     string
	}{
		"no gateway yet":            {nil, metav1.ConditionUnknown, ReasonStarting, "no gateway has said yet"},
		"one that says nothing":     {silent, metav1.ConditionUnknown, ReasonStarting, "no gateway has said yet"},
		"all is well":               {says(well), metav1.ConditionTrue, ReasonExternal, "are connected"},
		"not reached":               {cutOff(gatewaystatus.CauseUnreachable), metav1.ConditionFalse, ReasonNATSUnreachable, "1 of 1 gateways are not connected to it: what NATS says; check spec.nats.urls"},
		"refused":                   {cutOff(gatewaystatus.CauseCredentials), metav1.ConditionFalse, ReasonNATSRefused, "spec.nats.credentialsSecretRef"},
		"not trusted":               {cutOff(gatewaystatus.CauseTLS), metav1.ConditionFalse, ReasonNATSTLS, "ca.crt"},
		"for another reason":        {cutOff(""), metav1.ConditionFalse, ReasonDisconnected, "their logs"},
		"of a cause of later":       {cutOff("moon"), metav1.ConditionFalse, ReasonDisconnected, "their logs"},
		"too old":                   {with(func(s *gatewaystatus.Status) { s.NATSVersion = "2.10.29" }), metav1.ConditionFalse, ReasonNATSTooOld, "2.10.29"},
		"newer":                     {with(func(s *gatewaystatus.Status) { s.NATSVersion = "3.0.0-preview" }), metav1.ConditionTrue, ReasonExternal, ""},
		"of a version of no number": {with(func(s *gatewaystatus.Status) { s.NATSVersion = "devel" }), metav1.ConditionTrue, ReasonExternal, ""},
		"without permissions":       {with(func(s *gatewaystatus.Status) { s.NATSDenied = "publish to rts.>" }), metav1.ConditionFalse, ReasonNATSPermissions, "publish to rts.>"},
		"without JetStream":         {log(gatewaystatus.CauseDisabled), metav1.ConditionFalse, ReasonJetStreamDisabled, "what JetStream says"},
		"without quorum":            {log(gatewaystatus.CauseNoQuorum), metav1.ConditionFalse, ReasonJetStreamNoQuorum, "more than half"},
		"without room":              {log(gatewaystatus.CauseNoRoom), metav1.ConditionFalse, ReasonJetStreamNoRoom, "more room"},
		"without a known reason":    {log(""), metav1.ConditionFalse, ReasonJetStreamCannotUse, "their logs"},
	} {
		svc := &v1alpha1.RealtimeService{}
		svc.Spec.NATS, svc.Spec.Recovery = &v1alpha1.NATSSpec{URLs: []string{"nats://elsewhere:4222"}}, &v1alpha1.RecoverySpec{}
		got := natsCondition(svc, &Observation{Gateways: tt.gateways})
		if got.Status != tt.status || got.Reason != tt.reason || !strings.Contains(got.Message, tt.says) {
			t.Errorf("%s: %s %s %s", name, got.Status, got.Reason, got.Message)
		}
	}
	svc := &v1alpha1.RealtimeService{}
	svc.Spec.NATS = &v1alpha1.NATSSpec{URLs: []string{"nats://elsewhere:4222"}}
	for name, gateways := range map[string][]Gateway{"too old": with(func(s *gatewaystatus.Status) { s.NATSVersion = "2.1.0" }), "without JetStream": log(gatewaystatus.CauseDisabled)} {
		if got := natsCondition(svc, &Observation{Gateways: gateways}); got.Status != metav1.ConditionTrue {
			t.Errorf("%s, for a service that stores nothing: %s", name, got.Message)
		}
	}
}

// A service that sets something of the operator's NATS has the same conditions as one that sets
// nothing of it.
func TestTheManagedNATSIsTheOperators(t *testing.T) {
	for _, ready := range []bool{false, true} {
		plain, managed := &v1alpha1.RealtimeService{}, &v1alpha1.RealtimeService{}
		managed.Spec.NATS = &v1alpha1.NATSSpec{Managed: &v1alpha1.ManagedNATSSpec{}}
		want, _ := conditions(plain, &Observation{NATSReady: ready})
		got, _ := conditions(managed, &Observation{NATSReady: ready})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("while NATS is ready: %t\n%s", ready, diff)
		}
	}
}

func TestServersOfAClusterThatAreMissing(t *testing.T) {
	three := &v1alpha1.RealtimeService{}
	three.Spec.NATS = &v1alpha1.NATSSpec{Managed: &v1alpha1.ManagedNATSSpec{Replicas: 3}}
	stores := three.DeepCopy()
	stores.Spec.Recovery = &v1alpha1.RecoverySpec{}
	problem := Problem{ReasonUnschedulable, "0/3 nodes are available"}
	for name, tt := range map[string]struct {
		svc     *v1alpha1.RealtimeService
		ready   int32
		problem Problem
		status  metav1.ConditionStatus
		reason  string
		says    string
	}{
		"all":                             {stores, 3, Problem{}, metav1.ConditionTrue, ReasonAvailable, "NATS is ready"},
		"one restarts":                    {stores, 2, Problem{}, metav1.ConditionTrue, ReasonAvailable, "no other may fail"},
		"one cannot start":                {stores, 2, problem, metav1.ConditionTrue, ReasonNATSDegraded, "no other may fail: 0/3 nodes"},
		"two are missing":                 {stores, 1, Problem{}, metav1.ConditionFalse, ReasonNATSNoQuorum, "1 of 3 servers are ready, and it takes 2"},
		"two cannot start":                {stores, 1, problem, metav1.ConditionFalse, ReasonUnschedulable, "it takes 2: 0/3 nodes"},
		"all are missing":                 {stores, 0, Problem{}, metav1.ConditionFalse, ReasonStarting, "NATS is not ready"},
		"two, and nothing is stored":      {three, 1, Problem{}, metav1.ConditionTrue, ReasonAvailable, "1 of 3 servers are ready, so that no other may fail"},
		"one, and nothing is stored":      {three, 2, Problem{}, metav1.ConditionTrue, ReasonAvailable, "2 of 3 servers are ready"},
		"a single one that is restarting": {&v1alpha1.RealtimeService{}, 1, problem, metav1.ConditionTrue, ReasonAvailable, "NATS is ready"},
	} {
		got := natsCondition(tt.svc, &Observation{NATSServers: tt.ready, NATSReady: tt.ready >= Quorum(tt.svc), NATSProblem: tt.problem})
		if got.Status != tt.status || got.Reason != tt.reason || !strings.Contains(got.Message, tt.says) {
			t.Errorf("%s: %s %s %s", name, got.Status, got.Reason, got.Message)
		}
	}
}
