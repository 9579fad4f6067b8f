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
	leaving, silent := stuck, stuck
	leaving.Ready, silent.Err = false, errors.New("connection refused")
	recovery := &v1alpha1.RecoverySpec{}
	for name, tt := range map[string]struct {
		recovery *v1alpha1.RecoverySpec
		gateways []Gateway
		want     string
	}{
		"all is well":                     {recovery, []Gateway{fine, fine}, ""},
		"without quorum":                  {recovery, []Gateway{stuck, stuck}, "2 of 2 gateways cannot store"},
		"for one of several":              {recovery, []Gateway{fine, stuck, silent}, "1 of 3 gateways cannot store"},
		"NATS is away, which is said":     {recovery, []Gateway{away}, ""},
		"one that is leaving has its log": {recovery, []Gateway{fine, leaving}, ""},
		"a service without recovery":      {nil, []Gateway{stuck}, ""},
	} {
		svc := &v1alpha1.RealtimeService{}
		svc.Spec.Recovery = tt.recovery
		got := natsCondition(svc, &Observation{NATSReady: true, Gateways: tt.gateways}).Message
		if said := strings.Contains(got, "cannot store"); said != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
