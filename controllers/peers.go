// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/monitoring"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// applyPeers makes and renews the certificates and keys by which the service's gateways, and the
// operator, authenticate each other, before the gateways that mount them.
func (r *Reconciler) applyPeers(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	if seen.secretsKnown {
		return nil
	}
	secret, live, err := r.ownSecret(ctx, svc, resources.GatewayPeersName(svc.Name))
	if err != nil {
		return err
	}
	data, err := certificates.RenewPeers(secret.Data, r.Now())
	if err != nil {
		return fmt.Errorf("renew the gateways' certificates: %w", err)
	}
	if err := r.Objects.ApplyOver(ctx, svc, live, resources.GatewayPeers(svc, data)); err != nil {
		return err
	}
	seen.peers = data
	if at, ok := certificates.Expiry(data); ok {
		r.Metrics.Expires(monitoring.Peers, keyOf(svc), at)
	}
	return nil
}
