// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// observation is the result of one reconciliation of a service.
type observation struct {
	// invalid has what the webhook would have refused.
	invalid field.ErrorList
	// applyErr is why not all objects are as wanted.
	applyErr error
	// revision is the revision of the configuration that gateways should run, and config its bytes;
	// empty if there is none that they could run.
	revision string
	config   []byte
	// peers are the certificates of the service, from certificates.RenewPeers; nil if they could
	// not be made.
	peers map[string][]byte
	// credentials are the credentials of the service's own NATS; empty if there is none, or they
	// could not be made.
	credentials resources.Credentials
	// deployment is the Deployment of the gateways, nil if there is none.
	deployment *appsv1.Deployment
	// certificateProblem is what new gateways wait for before they can serve WebTransport; empty if
	// nothing is known.
	certificateProblem string
	// natsReady reports whether the service's own NATS is ready.
	natsReady bool
	// gatewaysWait reports whether a change of the gateways would wait for NATS.
	gatewaysWait bool
	// gateways are the running gateway pods with their statuses.
	gateways []gateway
}

// observe observes the effect of what was applied.
func (r *Reconciler) observe(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	var err error
	if seen.deployment, err = r.deployment(ctx, svc); err != nil {
		return err
	}
	if resources.OwnNATS(svc) {
		if seen.natsReady, err = r.natsReady(ctx, svc); err != nil {
			return err
		}
	}
	if seen.gateways, err = r.listGateways(ctx, svc); err != nil {
		return err
	}
	if seen.certificateProblem, err = r.certificateProblem(ctx, svc, seen); err != nil {
		return err
	}
	r.ask(ctx, svc, seen.gateways)
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

// ready returns the gateways that clients should connect to.
func (o *observation) ready() []gateway {
	var ready []gateway
	for _, g := range o.gateways {
		if g.ready {
			ready = append(ready, g)
		}
	}
	return ready
}

// behind returns the gateways that do not run the wanted configuration, as far as is known. This
// includes starting gateways, and leaving ones, which still have clients, as long as they answer
// with their status: without it they no longer run, or do not run yet.
func (o *observation) behind() []*gateway {
	var behind []*gateway
	for i := range o.gateways {
		g := &o.gateways[i]
		if g.err != nil && g.ready || g.err == nil && g.status.ConfigHash != o.revision {
			behind = append(behind, g)
		}
	}
	return behind
}

// lagging returns the ready gateways among those behind.
func (o *observation) lagging() []gateway {
	var lagging []gateway
	for _, g := range o.behind() {
		if g.ready {
			lagging = append(lagging, *g)
		}
	}
	return lagging
}

// connections returns the number of clients of all gateways, including leaving ones.
func (o *observation) connections() int64 {
	var sum int64
	for _, g := range o.gateways {
		sum += g.status.Connections
	}
	return sum
}
