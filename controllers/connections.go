// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/autoscaling"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// costsPace is how often the deletion costs of pods are written at most while gateways may leave at
// any time, unless one is about to.
const costsPace = time.Minute

// scaling is the state of the number of a service's gateways.
type scaling struct {
	// floor is nil without a target of connections.
	floor *autoscaling.Floor
	// connections has the last known number of clients of each pod that runs.
	connections map[types.UID]int64
	// costs is when deletion costs were written, and moves when clients were moved.
	costs, moves time.Time
	rebalance    autoscaling.Rebalance
	// descent is when the next gateway may leave after autoscaling was removed; zero if that is not
	// decided.
	descent time.Time
	// replicas is spec.gateway.replicas as it was seen last.
	replicas *int32
}

// connectionsLimit bounds what a gateway may tell, so that no sum of them overflows: gateways are
// exposed to the internet.
const connectionsLimit = 1 << 32

// learn takes the gateways' answers. What one has told is known for as long as its pod is there.
func (s *scaling) learn(gateways []status.Gateway) {
	known := map[types.UID]int64{}
	for i := range gateways {
		g := &gateways[i]
		if g.Err == nil {
			known[g.Pod.UID] = min(max(g.Status.Connections, 0), connectionsLimit)
		} else if last, ok := s.connections[g.Pod.UID]; ok {
			known[g.Pod.UID] = last
		}
	}
	s.connections = known
}

// load returns what is known of the clients of all gateways, including leaving ones. If none is
// ready, the clients may be about to come back.
func (s *scaling) load(seen *observation) (load autoscaling.Load) {
	for i := range seen.Gateways {
		if n, ok := s.connections[seen.Gateways[i].Pod.UID]; ok {
			load.Connections += n
		} else {
			load.Unknown++
		}
	}
	if len(seen.Ready()) == 0 {
		load.Unknown++
	}
	return load
}

// floor returns the smallest number of gateways that is in force. An operator that has just started
// finds the one of its predecessor in the autoscaler, or in the Deployment if there is none.
func (r *Reconciler) floor(ctx context.Context, svc *v1alpha1.RealtimeService) (autoscaling.Decision, error) {
	a, state := svc.Spec.Gateway.Autoscaling, &r.memory.of(keyOf(svc)).scaling
	if a == nil {
		state.floor = nil
		return autoscaling.Decision{}, nil
	}
	if !a.OnConnections() {
		state.floor = nil
		return autoscaling.Decision{Floor: a.LeastReplicas(), Wanted: a.LeastReplicas()}, nil
	}
	if state.floor == nil {
		inForce, err := r.gatewaysInForce(ctx, svc)
		if err != nil {
			return autoscaling.Decision{}, err
		}
		state.floor = autoscaling.NewFloor(inForce, a, r.Now())
	}
	return state.floor.InForce(a), nil
}

func (r *Reconciler) gatewaysInForce(ctx context.Context, svc *v1alpha1.RealtimeService) (int32, error) {
	autoscaler, err := r.autoscaler(ctx, svc)
	if err != nil {
		return 0, err
	}
	if autoscaler != nil {
		return ptr.Deref(autoscaler.Spec.MinReplicas, 1), nil
	}
	deployment, err := r.deployment(ctx, svc)
	if err != nil || deployment == nil {
		return 0, err
	}
	return ptr.Deref(deployment.Spec.Replicas, 1), nil
}

// followClients adapts the number of gateways to their clients, which have just been counted.
func (r *Reconciler) followClients(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	a, state, now := svc.Spec.Gateway.Autoscaling, &r.memory.of(keyOf(svc)).scaling, r.Now()
	if a == nil {
		return nil
	}
	before, err := r.floor(ctx, svc)
	if err != nil {
		return err
	}
	decision := before
	if state.floor != nil {
		decision = state.floor.Next(state.load(seen), a, now)
	}
	seen.Scaling = status.Scaling{Floor: decision.Floor, Needed: decision.Wanted, Held: decision.Held}
	if seen.Scaling.Autoscaler, err = r.autoscaler(ctx, svc); err != nil || seen.Deployment == nil {
		return err
	}
	var errs []error
	mayLeave := decision.Near || a.OnCPU() && seen.Wanted(svc) > decision.Floor
	if decision.Floor < before.Floor || mayLeave && now.Sub(state.costs) >= costsPace {
		errs = append(errs, r.writeCosts(ctx, svc))
	}
	if decision.Floor != before.Floor {
		r.event(svc, nil, corev1.EventTypeNormal, reasonFloorMoved, "Scale", "the clients need at least %d gateways, after %d", decision.Floor, before.Floor)
		errs = append(errs, r.scaleGateways(ctx, svc))
	}
	r.rebalance(ctx, svc, seen)
	return errors.Join(errs...)
}

// known returns a service's running gateways with what is known of their clients.
func (s *scaling) known(pods []corev1.Pod) (gateways []autoscaling.Gateway) {
	for i := range pods {
		if pods[i].Status.Phase != corev1.PodRunning {
			continue // it leaves before all others anyway
		}
		n, ok := s.connections[pods[i].UID]
		gateways = append(gateways, autoscaling.Gateway{Pod: &pods[i], Connections: n, Known: ok})
	}
	return gateways
}

// writeCosts makes the gateways with the fewest clients leave first when Kubernetes removes some.
// It writes nothing if they would anyway. The annotations are written with the status of the pods:
// with the right to do that nobody can change what runs in a pod.
func (r *Reconciler) writeCosts(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	state := &r.memory.of(keyOf(svc)).scaling
	pods, err := r.gatewayPods(ctx, svc)
	if err != nil {
		return err
	}
	var errs []error
	for pod, cost := range autoscaling.Costs(state.known(pods)) {
		state.costs = r.Now()
		patch := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:"%d"}}}`, pod.UID, corev1.PodDeletionCost, cost)
		target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
		err := r.Client.Status().Patch(ctx, target, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner(v1alpha1.FieldManager))
		if client.IgnoreNotFound(err) != nil {
			errs = append(errs, fmt.Errorf("write the deletion cost of pod %s: %w", pod.Name, err))
		}
	}
	return errors.Join(errs...)
}

// rebalance asks gateways above the average to move clients, for as long as that is wanted.
func (r *Reconciler) rebalance(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) {
	wanted, state := svc.Spec.Gateway.Autoscaling.Rebalance, &r.memory.of(keyOf(svc)).scaling
	now := r.Now()
	if wanted == nil || now.Sub(state.moves) < steadyInterval/2 {
		return
	}
	gateways, newest := state.balanceable(seen)
	if len(gateways) == 0 {
		return
	}
	moves := state.rebalance.Moves(slices.Collect(maps.Values(gateways)), newest, wanted.PerSecond, steadyInterval, now)
	var to []*status.Gateway
	var orders []Pushed
	for g, known := range gateways {
		clients := moves[known.Pod]
		if clients == 0 {
			continue
		}
		body, err := json.Marshal(gatewayconfig.Moves{
			Clients: clients, WithinSeconds: steadyInterval.Seconds(), MinConnectedSeconds: wanted.MinConnected().Seconds(),
		})
		if err != nil {
			log.FromContext(ctx).Error(err, "cannot write an order to move clients")
			return
		}
		to, orders = append(to, g), append(orders, Pushed{gatewayconfig.MovesPath, "application/json", body})
	}
	if len(to) > 0 {
		state.moves = now
	}
	r.pushEach(ctx, svc, seen, to, orders)
}

// balanceable returns the gateways if all are ready that there should be, and all tell that they
// can recover clients; none otherwise. newest is when the last one became ready.
func (s *scaling) balanceable(seen *observation) (gateways map[*status.Gateway]autoscaling.Gateway, newest time.Time) {
	if !status.RolledOut(seen.Deployment) || len(seen.Gateways) != int(ptr.Deref(seen.Deployment.Spec.Replicas, 1)) {
		return nil, newest
	}
	gateways = map[*status.Gateway]autoscaling.Gateway{}
	for i := range seen.Gateways {
		g := &seen.Gateways[i]
		if !g.Ready || g.Err != nil || g.CutOff() || !g.Status.LogReady {
			return nil, newest
		}
		if at := readySince(g.Pod); at.After(newest) {
			newest = at
		}
		gateways[g] = autoscaling.Gateway{Pod: g.Pod, Connections: s.connections[g.Pod.UID], Known: true}
	}
	return gateways, newest
}

func readySince(pod *corev1.Pod) time.Time {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.LastTransitionTime.Time
		}
	}
	return time.Time{}
}
