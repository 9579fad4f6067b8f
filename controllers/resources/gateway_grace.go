// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Grace periods of services that name none, in seconds.
const (
	defaultGracePeriod = 30
	// ratedGracePeriod is for those that name a rate: the most that Kubernetes should wait. It is
	// not made of what gateways have for clients now: the pod template would change with it, and
	// send away whom it is to spare. It costs nothing either, as a gateway ends when its last
	// client has gone.
	ratedGracePeriod = 3600
)

// farewell is the part of the grace period that is kept for the last ones to fetch what was sent to
// them, and for the end.
const farewell = 10 * time.Second

// gracePeriod is how long Kubernetes waits for a leaving gateway, in seconds.
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

// drain is how long clients are told to go over, where there is no rate: two thirds of the grace
// period, so that the last ones, and what was still to be sent, have the rest.
func drain(svc *v1alpha1.RealtimeService) time.Duration {
	return (time.Duration(gracePeriod(svc)) * time.Second * 2 / 3).Round(time.Millisecond)
}

// drainLimit is how long it may take at a rate: the grace period but for a farewell, of which a
// short one has no more than a third.
func drainLimit(svc *v1alpha1.RealtimeService) time.Duration {
	return max(drain(svc), time.Duration(gracePeriod(svc))*time.Second-farewell)
}
