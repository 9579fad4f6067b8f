// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// observation is what one reconciliation has seen of a service, and what it needs to act on that.
type observation struct {
	status.Observation
	// config are the bytes of the configuration that gateways should run.
	config []byte
	// peers are the certificates of the service, from certificates.RenewPeers; nil if they could
	// not be made.
	peers map[string][]byte
	// credentials are the credentials of the service's own NATS; empty if there is none, or they
	// could not be made.
	credentials resources.Credentials
	// gatewaysWait reports whether a change of the gateways would wait for NATS.
	gatewaysWait bool
}

// observe observes the effect of what was applied.
func (r *Reconciler) observe(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	seen.OpsPort, seen.PeerPort = resources.OpsPort, resources.PeerPort
	var err error
	if seen.Deployment, err = r.deployment(ctx, svc); err != nil {
		return err
	}
	if resources.OwnNATS(svc) {
		if seen.NATSReady, err = r.natsReady(ctx, svc); err != nil {
			return err
		}
	}
	if seen.Gateways, err = r.listGateways(ctx, svc); err != nil {
		return err
	}
	if seen.CertificateProblem, err = r.certificateProblem(ctx, svc, seen); err != nil {
		return err
	}
	r.ask(ctx, svc, seen.Gateways)
	return nil
}

func (r *Reconciler) natsReady(ctx context.Context, svc *v1alpha1.RealtimeService) (bool, error) {
	set := &appsv1.StatefulSet{}
	key := client.ObjectKey{Namespace: svc.Namespace, Name: resources.NATSName(svc.Name)}
	err := r.Client.Get(ctx, key, set)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read StatefulSet %s: %w", key.Name, err)
	}
	return set.Status.ReadyReplicas > 0, nil
}
