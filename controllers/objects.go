// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// applyAll makes all objects of the service as they are wanted, and deletes those that are not wanted any more. One that
// fails does not keep the others from their turn.
func (r *Reconciler) applyAll(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	var errs []error
	each := func(objects ...client.Object) {
		for _, object := range objects {
			errs = append(errs, r.apply(ctx, svc, object))
		}
	}
	errs = append(errs, r.applyNATS(ctx, svc), r.applyPeers(ctx, svc), r.applyConfig(ctx, svc, seen))
	each(
		resources.GatewayServiceAccount(svc),
		resources.GatewayService(svc),
		resources.GatewayDisruptionBudget(svc),
		resources.GatewayDeployment(svc, r.GatewayImage),
	)
	errs = append(errs, r.autoscale(ctx, svc), r.scale(ctx, svc), r.removeNATS(ctx, svc))
	return errors.Join(errs...)
}

// applyConfig writes the gateways' configuration, unless it is one that they would refuse: they keep the last good one,
// also when they start anew.
func (r *Reconciler) applyConfig(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	config, err := resources.ConfigMap(svc)
	if err != nil {
		return err
	}
	if len(seen.invalid) > 0 {
		return nil
	}
	if err := r.apply(ctx, svc, config); err != nil {
		return err
	}
	seen.revision = gatewaystatus.Revision([]byte(config.Data[resources.ConfigKey]))
	return nil
}
