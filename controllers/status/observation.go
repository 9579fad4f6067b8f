// SPDX-License-Identifier: Apache-2.0

package status

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Observation is what one reconciliation has seen of a service.
type Observation struct {
	// Paused reports whether nothing may be changed.
	Paused bool
	// UpToDate is the condition of this type; nil if it is not known.
	UpToDate *metav1.Condition
	// Invalid has what the webhook would have refused.
	Invalid field.ErrorList
	// ApplyErr is why not all objects are as wanted.
	ApplyErr error
	// Revision is the revision of the configuration that gateways should run; empty if there is
	// none that they could run.
	Revision string
	// Deployment is the Deployment of the gateways, nil if there is none.
	Deployment *appsv1.Deployment
	// Descends reports whether the number of gateways goes down to spec.gateway.replicas, since
	// autoscaling was removed.
	Descends bool
	// Scaling is what is known of the number of gateways.
	Scaling Scaling
	// Rollout is what is known of the replacement of gateways and NATS.
	Rollout Rollout
	// Unresolved are the references of the manifest that lead to nothing.
	Unresolved []Unresolved
	// NATSReady reports whether the service's own NATS is ready: so many of its servers as Quorum
	// says. NATSServers are those that are.
	NATSReady   bool
	NATSServers int32
	// NATSProblem is what keeps the service's own NATS from starting; none if nothing is known.
	NATSProblem Problem
	// Gateways are the running gateway pods with their statuses.
	Gateways []Gateway
	// Connections is the number of clients of all gateways, including leaving ones, as far as is
	// known.
	Connections int64
	// OpsPort and PeerPort are the ports at which gateways are asked for their status, and at which
	// they are pushed to.
	OpsPort, PeerPort int
}

// Gateway is a running gateway pod, and its status.
type Gateway struct {
	Pod *corev1.Pod
	// Ready reports whether clients should connect to it.
	Ready  bool
	Status gatewaystatus.Status
	// Err is why there is no status.
	Err error
	// PushErr is why the wanted configuration could not be pushed to it; nil if it has not been
	// tried.
	PushErr error
}

// CutOff reports whether a gateway says that it is not connected to NATS.
func (g *Gateway) CutOff() bool { return g.Err == nil && g.Status.NATS != connected }

// Ready returns the gateways that clients should connect to.
func (o *Observation) Ready() []Gateway {
	var ready []Gateway
	for _, g := range o.Gateways {
		if g.Ready {
			ready = append(ready, g)
		}
	}
	return ready
}

// Behind returns the gateways that do not run the wanted configuration, as far as is known. This
// includes starting gateways, and leaving ones, which still have clients, as long as they answer
// with their status: without it they no longer run, or do not run yet.
func (o *Observation) Behind() []*Gateway {
	var behind []*Gateway
	for i := range o.Gateways {
		g := &o.Gateways[i]
		if g.Err != nil && g.Ready || g.Err == nil && g.Status.ConfigHash != o.Revision {
			behind = append(behind, g)
		}
	}
	return behind
}

// Lagging returns the ready gateways among those behind.
func (o *Observation) Lagging() []Gateway {
	var lagging []Gateway
	for _, g := range o.Behind() {
		if g.Ready {
			lagging = append(lagging, *g)
		}
	}
	return lagging
}

// generation returns the generation of the service that the operator has acted on: not the newest
// one while the service is paused.
func (o *Observation) generation(svc *v1alpha1.RealtimeService) int64 {
	if o.Paused {
		return svc.Status.ObservedGeneration
	}
	return svc.Generation
}

// Wanted returns how many gateways there should be now, according to the service, to the
// autoscaler, or to the operator in its place; while the service is paused, according to the
// Deployment, which has what was wanted before.
func (o *Observation) Wanted(svc *v1alpha1.RealtimeService) int32 {
	switch a := svc.Spec.Gateway.Autoscaling; {
	case o.Deployment != nil && (a != nil || o.Descends || o.Paused):
		return ptr.Deref(o.Deployment.Spec.Replicas, 1)
	case a != nil:
		return a.LeastReplicas()
	}
	return ptr.Deref(svc.Spec.Gateway.Replicas, 1)
}
