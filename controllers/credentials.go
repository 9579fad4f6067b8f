// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// handCredentials pushes the credentials of the service's own NATS to gateways that NATS refuses,
// for example because somebody has changed the Secret: a kubelet takes a minute or two to bring it.
func (r *Reconciler) handCredentials(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) {
	if !seen.NATSReady || seen.identity.Credentials == (resources.Credentials{}) {
		return
	}
	body, err := json.Marshal(gatewayconfig.Credentials(seen.identity.Credentials)) //nolint:gosec // they are for the gateway, which has the Secret
	if err != nil {
		log.FromContext(ctx).Error(err, "cannot write the credentials of NATS")
		return
	}
	remembered, now := r.memory.of(keyOf(svc)), r.Now()
	var due []*status.Gateway
	for i := range seen.Gateways {
		g := &seen.Gateways[i]
		last := remembered.pushes[pushKey{g.Pod.UID, gatewayconfig.CredentialsPath}]
		if g.CutOff() && last.due(gatewaystatus.Revision(body), now, steadyInterval) {
			due = append(due, g)
		}
	}
	r.pushAll(ctx, svc, seen, due, Pushed{gatewayconfig.CredentialsPath, "application/json", body})
}
