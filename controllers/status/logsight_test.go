// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestTheStatusTellsOfALogThatCannotBeUsed(t *testing.T) {
	says := func(nats string, logReady bool) Gateway {
		return Gateway{Ready: true, Status: gatewaystatus.Status{NATS: nats, LogReady: logReady}}
	}
	fine, stuck, away := says("connected", true), says("connected", false), says("reconnecting", false)
	noQuorum := stuck
	noQuorum.Status.LogCause, noQuorum.Status.LogError = gatewaystatus.CauseNoQuorum, "context deadline exceeded"
	leaving, silent := stuck, stuck
	leaving.Ready, silent.Err = false, errors.New("connection refused")
	recovery := &v1alpha1.RecoverySpec{}
	for name, tt := range map[string]struct {
		recovery *v1alpha1.RecoverySpec
		gateways []Gateway
		reason   string
		want     string
	}{
		"all is well":                     {recovery, []Gateway{fine, fine}, ReasonAvailable, ""},
		"a gateway of an earlier release": {recovery, []Gateway{stuck, stuck}, ReasonJetStreamCannotUse, "2 of 2 gateways cannot store"},
		"without quorum":                  {recovery, []Gateway{noQuorum, stuck}, ReasonJetStreamNoQuorum, "2 of 2 gateways cannot store in it what is to be recoverable: context deadline exceeded"},
		"for one of several":              {recovery, []Gateway{fine, stuck, silent}, ReasonJetStreamCannotUse, "1 of 2 gateways cannot store"},
		"NATS is away, which is said":     {recovery, []Gateway{away}, ReasonDisconnected, ""},
		"one that is leaving has its log": {recovery, []Gateway{fine, leaving}, ReasonAvailable, ""},
		"a service without recovery":      {nil, []Gateway{stuck}, ReasonAvailable, ""},
	} {
		svc := &v1alpha1.RealtimeService{}
		svc.Spec.Recovery = tt.recovery
		got := natsCondition(svc, &Observation{NATSReady: true, Gateways: tt.gateways})
		if said := strings.Contains(got.Message, "cannot store"); said != (tt.want != "") || !strings.Contains(got.Message, tt.want) || got.Reason != tt.reason {
			t.Errorf("%s: %s %s", name, got.Reason, got.Message)
		}
	}
}
