// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// How often a configuration is pushed to gateways: at first as fast as a person expects it, then
// more slowly, for gateways that cannot be reached or refuse it.
const (
	askPace   = 500 * time.Millisecond
	pushPace  = time.Second
	pushLimit = time.Minute
	// steadyJitter spreads the reconciliation of services.
	steadyJitter = 0.2
)

// configure pushes the configuration to gateways that do not run it yet, and returns when to
// reconcile again.
//
// If a gateway cannot be pushed to, because it is of an earlier release or unreachable, the kubelet
// brings the configuration within about two minutes.
func (r *Reconciler) configure(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) time.Duration {
	remembered := r.memory.of(keyOf(svc))
	if seen.Revision == "" {
		return wait.Jitter(steadyInterval, steadyJitter)
	}
	now := r.Now()
	if remembered.pushing != seen.Revision && len(seen.Behind()) > 0 {
		remembered.pushing, remembered.pushingSince = seen.Revision, now
	}
	pushedFor := now.Sub(remembered.pushingSince)
	var due []*status.Gateway
	for _, g := range seen.Behind() {
		last := remembered.pushes[pushKey{g.Pod.UID, gatewayconfig.Path}]
		if last.due(seen.Revision, now, within(pushedFor/4, pushPace, pushLimit)) {
			due = append(due, g)
		}
	}
	r.pushAll(ctx, svc, seen, due, Pushed{gatewayconfig.Path, "application/yaml", seen.config})
	for i := range seen.Gateways {
		g := &seen.Gateways[i]
		key := pushKey{g.Pod.UID, gatewayconfig.Path}
		switch last := remembered.pushes[key]; {
		case g.Err == nil && g.Status.ConfigHash == seen.Revision:
			delete(remembered.pushes, key) // a gateway that falls back, for example when its container restarts, is pushed to at once
		case last.revision == seen.Revision:
			g.PushErr = last.err
		}
	}
	remembered.forgetPushes(seen.Gateways)

	if len(seen.Lagging()) > 0 {
		return within(pushedFor/10, askPace, steadyInterval)
	}
	if n := len(seen.Ready()); n > 0 && remembered.pushing == seen.Revision {
		r.event(svc, nil, corev1.EventTypeNormal, reasonConfigured, "Configure", "configuration %s is in force on %d gateways", seen.Revision, n)
	}
	remembered.pushing = ""
	return wait.Jitter(steadyInterval, steadyJitter)
}

func within(d, least, most time.Duration) time.Duration { return min(max(d, least), most) }
