// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// The reasons of events. Those about objects are in package apply, and those of conditions in
// package status.
const (
	reasonConfigured     = "ConfigurationInForce"
	reasonUpdateStarted  = "UpdateStarted"
	reasonUpdateFinished = "UpdateFinished"
	reasonResumed        = "Resumed"
	// reasonFloorMoved: the clients need another number of gateways.
	reasonFloorMoved = "ConnectionsNeedGateways"
	// reasonReplicasIgnored: somebody has set a number of gateways that has no effect.
	reasonReplicasIgnored = "ReplicasIgnored"
)

// eventLimit is the API server's limit of an event's note, in bytes.
const eventLimit = 1024

// event records an event about a service. Events with the same reason are counted as one unless
// they concern different objects; about may be nil.
func (r *Reconciler) event(svc *v1alpha1.RealtimeService, about runtime.Object, kind, reason, action, note string, args ...any) {
	r.Events.Eventf(svc, about, kind, reason, action, "%s", status.Shortened(fmt.Sprintf(note, args...), eventLimit))
}
