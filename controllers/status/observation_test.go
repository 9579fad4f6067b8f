// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
)

func TestPodThatRunsNoGatewayYetIsNotPushedTo(t *testing.T) {
	refused := errors.New("connection refused")
	seen := &Observation{Revision: "new", Gateways: []Gateway{
		{Status: gatewaystatus.Status{ConfigHash: "old"}}, // it starts, or leaves
		{Err: refused},
		{Err: refused, Ready: true}, // a network policy may keep the operator out of one port alone
		{Status: gatewaystatus.Status{ConfigHash: "new"}, Ready: true},
	}}
	if behind := seen.Behind(); len(behind) != 2 || behind[0] != &seen.Gateways[0] || behind[1] != &seen.Gateways[2] {
		t.Errorf("%d are behind: %+v", len(behind), behind)
	}
}
