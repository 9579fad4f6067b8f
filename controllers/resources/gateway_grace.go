// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The grace periods of services that name none, in seconds.
const (
	defaultGracePeriod = 30
	// ratedGracePeriod is for services with a rate: the longest that Kubernetes should wait. It
	// does not depend on the present number of clients: otherwise the pod template would change
	// with it, and a rollout would send clients away. It costs nothing, since a gateway ends when
	// its last client has gone.
	ratedGracePeriod = 3600
)

// farewell is the part of the grace period that is reserved for the last clients to fetch what was
// sent to them, and for the end of the process.
const farewell = 10 * time.Second

// gracePeriod returns how long Kubernetes waits for a leaving gateway, in seconds.
func gracePeriod(svc *v1alpha1.RealtimeService) int64 {
	gateway := &svc.Spec.Gateway
	switch {
	case gateway.TerminationGracePeriodSeconds != nil:
		return *gateway.TerminationGracePeriodSeconds
	case gateway.DrainRate() > 0:
		return ratedGracePeriod
	default:
		return defaultGracePeriod
	}
}

// drain returns the time over which clients are sent away without a rate: two thirds of the grace
// period, so that the last ones, and messages that wait, have the rest.
func drain(svc *v1alpha1.RealtimeService) time.Duration {
	return (time.Duration(gracePeriod(svc)) * time.Second * 2 / 3).Round(time.Millisecond)
}

// drainLimit returns the maximum time with a rate: the grace period without a farewell, which is at
// most a third of a short one.
func drainLimit(svc *v1alpha1.RealtimeService) time.Duration {
	return max(drain(svc), time.Duration(gracePeriod(svc))*time.Second-farewell)
}
