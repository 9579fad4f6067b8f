// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/exposure"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// observation is what one reconciliation has seen of a service, and what it needs to act on that.
type observation struct {
	status.Observation
	// config are the bytes of the configuration that gateways should run.
	config []byte
	// plan is what the pods should be.
	plan plan
	// secretsKnown reports whether the service's own Secrets are not read this time.
	secretsKnown bool
	// peers are the certificates of the service, from certificates.RenewPeers; nil if they could
	// not be made, or were not read.
	peers map[string][]byte
	// identity is that of the service's own NATS; empty if there is none, or it could not be made.
	identity resources.NATSIdentity
	// gatewaysWait reports whether a change of the gateways would wait for NATS.
	gatewaysWait bool
	// exposureKnown reports whether it is known how far clients from outside get, and exposure is
	// that; nil if the service is not exposed.
	exposureKnown bool
	exposure      *exposure.Verdict
}

// observe observes the effect of what was applied.
func (r *Reconciler) observe(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	seen.OpsPort, seen.PeerPort = resources.OpsPort, resources.PeerPort
	var err error
	if seen.Deployment, err = r.deployment(ctx, svc); err != nil {
		return err
	}
	seen.Descends = descends(svc, seen.Deployment)
	seen.Rollout.NATS = !resources.OwnNATS(svc)
	if resources.OwnNATS(svc) {
		if err = r.observeNATS(ctx, svc, seen); err != nil {
			return err
		}
	}
	if seen.Gateways, err = r.listGateways(ctx, svc); err != nil {
		return err
	}
	seen.Unresolved, err = r.resolve(ctx, svc)
	r.ask(ctx, svc, seen.Gateways)
	scaling := &r.memory.of(keyOf(svc)).scaling
	scaling.learn(seen.Gateways)
	seen.Connections = scaling.load(seen).Connections
	return errors.Join(err, r.observeRollout(ctx, svc, seen))
}

// observeRollout observes whether the newest gateways are there, and why they are not.
func (r *Reconciler) observeRollout(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	remembered := r.memory.of(keyOf(svc))
	seen.Rollout.Applied = r.Objects.Generation(svc, "Deployment", resources.GatewayName(svc.Name))
	seen.Rollout.Changed = remembered.deployment != remembered.rolledOut
	if seen.Deployment == nil || seen.RolledOut(svc) && len(seen.Ready()) >= int(seen.Wanted(svc)) {
		return nil
	}
	var err error
	seen.Rollout.Problem, err = r.rolloutProblem(ctx, svc, seen.Deployment)
	return err
}
