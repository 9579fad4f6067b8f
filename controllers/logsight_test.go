// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestTheStatusTellsOfALogThatCannotBeUsed(t *testing.T) {
	says := func(nats string, logReady bool) gateway {
		return gateway{ready: true, status: gatewaystatus.Status{NATS: nats, LogReady: logReady}}
	}
	fine, stuck, away := says("connected", true), says("connected", false), says("reconnecting", false)
	leaving, silent := stuck, stuck
	leaving.ready, silent.err = false, errors.New("connection refused")
	recovery := &v1alpha1.RecoverySpec{}
	for name, tt := range map[string]struct {
		recovery *v1alpha1.RecoverySpec
		gateways []gateway
		want     string
	}{
		"all is well":                     {recovery, []gateway{fine, fine}, ""},
		"without quorum":                  {recovery, []gateway{stuck, stuck}, "2 of 2 gateways cannot store"},
		"for one of several":              {recovery, []gateway{fine, stuck, silent}, "1 of 3 gateways cannot store"},
		"NATS is away, which is said":     {recovery, []gateway{away}, ""},
		"one that is leaving has its log": {recovery, []gateway{fine, leaving}, ""},
		"a service without recovery":      {nil, []gateway{stuck}, ""},
	} {
		svc := &v1alpha1.RealtimeService{}
		svc.Spec.Recovery = tt.recovery
		got := natsCondition(svc, &observation{natsReady: true, gateways: tt.gateways}).Message
		if said := strings.Contains(got, "cannot store"); said != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
