// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// natsPatience bounds how long a change of the gateways waits for NATS. If NATS is away for longer,
// the change may be meant to repair that.
const natsPatience = time.Minute

// applyGateways applies the gateways' Deployment. A change waits while the service's own NATS is
// being replaced: leaving gateways learn over NATS that others replace them, and send their clients
// away only when all of them leave. Without NATS a client would be sent from one leaving gateway to
// the next.
func (r *Reconciler) applyGateways(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	remembered := r.memory.of(keyOf(svc))
	settled, err := r.natsSettled(ctx, svc)
	if err != nil {
		return err
	}
	wanted, gateways := resources.GatewayDeployment(svc, r.GatewayImage), seen.plan.gateways
	wanted.Spec.Template = gateways.Rendering.Template
	hash, err := hashOfDeployment(wanted)
	if err != nil {
		return err
	}
	if seen.gatewaysWait = remembered.natsWait.holds(settled, r.Now()); seen.gatewaysWait {
		seen.Rollout.Waits = remembered.deployment != hash && gateways.changes()
		return r.recordGateways(ctx, svc, wanted, &gateways)
	}
	if err := r.applyStamped(ctx, svc, wanted, &gateways); err != nil {
		return err
	}
	remembered.deployment = hash
	return nil
}

// recordGateways records what gateways run that have no record: what they change from must be known
// when they need not wait any longer.
func (r *Reconciler) recordGateways(ctx context.Context, svc *v1alpha1.RealtimeService, wanted *appsv1.Deployment, gateways *workload) error {
	if gateways.text != "" || gateways.running == nil {
		return nil
	}
	gateways.Record = *gateways.running
	wanted.Spec.Template = gateways.Rendering.Template
	return r.applyStamped(ctx, svc, wanted, gateways)
}

func (r *Reconciler) applyStamped(ctx context.Context, svc *v1alpha1.RealtimeService, wanted *appsv1.Deployment, gateways *workload) error {
	if err := gateways.stamp(wanted); err != nil {
		return err
	}
	return r.Objects.Apply(ctx, svc, wanted)
}

// hashOfDeployment is taken before the record of the pods is added: a change of that alone replaces
// none.
func hashOfDeployment(wanted *appsv1.Deployment) ([32]byte, error) {
	data, err := json.Marshal(wanted)
	if err != nil {
		return [32]byte{}, fmt.Errorf("hash Deployment %s: %w", wanted.Name, err)
	}
	return sha256.Sum256(data), nil
}

// natsSettled returns false while the service's own NATS is being replaced, or gateways have not
// reconnected to it.
func (r *Reconciler) natsSettled(ctx context.Context, svc *v1alpha1.RealtimeService) (bool, error) {
	if !resources.OwnNATS(svc) {
		return true, nil
	}
	deployment, err := r.deployment(ctx, svc)
	if err != nil || deployment == nil {
		return true, err // there are no clients to send away
	}
	set := &appsv1.StatefulSet{}
	key := client.ObjectKey{Namespace: svc.Namespace, Name: resources.NATSSetName(svc.Name, svc.Spec.NATSServers())}
	if err := r.Client.Get(ctx, key, set); client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read StatefulSet %s: %w", key.Name, err)
	}
	if set.Status.ObservedGeneration == 0 {
		return true, nil // it is new, and gateways start when it is ready
	}
	remembered := r.memory.of(keyOf(svc))
	newest := max(set.Generation, r.Objects.Generation(svc, "StatefulSet", key.Name)) // the cache may be outdated
	if set.Status.ObservedGeneration < newest || min(set.Status.ReadyReplicas, set.Status.UpdatedReplicas) < ptr.Deref(set.Spec.Replicas, 1) {
		return false, nil
	}
	for _, last := range remembered.gateways {
		if last.status.NATS != "connected" {
			return false, nil
		}
	}
	return true, nil
}

// natsWait is a wait for NATS.
type natsWait struct {
	// since is when NATS was first seen not to be settled; zero while it is.
	since time.Time
}

// holds reports whether to wait, which is at most natsPatience while NATS is not settled.
func (w *natsWait) holds(settled bool, now time.Time) bool {
	if settled {
		w.since = time.Time{}
		return false
	}
	if w.since.IsZero() {
		w.since = now
	}
	return now.Sub(w.since) < natsPatience
}
