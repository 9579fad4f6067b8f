// SPDX-License-Identifier: Apache-2.0

package autoscaling

import (
	"math"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The behavior of a HorizontalPodAutoscaler that does not say.
const (
	defaultTolerance  = 0.1
	defaultDownWindow = 300 * time.Second
	defaultUpWindow   = 0
)

// near is how long before the floor may fall its fall is announced.
const near = 30 * time.Second

// Load is what is known of the clients of a service.
type Load struct {
	// Connections is the number of clients of all gateways that have told theirs.
	Connections int64
	// Unknown is the number of gateways that have not told how many clients they have.
	Unknown int
}

// Floor is the number of gateways that the clients of a service need, as it develops. The zero
// value is not ready for use; NewFloor returns one. Not safe for concurrent use.
type Floor struct {
	// gateways is the number that the clients need, without headroom.
	gateways int32
	// proposals are those of the longest window, the oldest first.
	proposals []proposal
}

// proposal is the number that the load of a moment would need.
type proposal struct {
	at       time.Time
	gateways int32
}

// Decision is a floor within the bounds of a service.
type Decision struct {
	// Floor is the smallest number of gateways.
	Floor int32
	// Wanted is the floor without the maximum.
	Wanted int32
	// Held reports whether the floor does not fall since gateways do not tell their clients.
	Held bool
	// Near reports whether the floor will soon be lower if the load stays as it is.
	Near bool
}

// NewFloor returns a floor that is in force already, with headroom: that of an operator that has
// ended, or the number of gateways of a service that has just been given the target. It falls after
// the stabilization window, like any other.
func NewFloor(inForce int32, a *v1alpha1.AutoscalingSpec, now time.Time) *Floor {
	f := &Floor{}
	f.Hold(inForce, a, now)
	return f
}

// Hold raises the floor to a number of gateways, headroom included, as if the load had needed it.
func (f *Floor) Hold(gateways int32, a *v1alpha1.AutoscalingSpec, now time.Time) {
	f.gateways = max(f.gateways, gateways-a.SpareReplicas())
	f.proposals = append(f.proposals, proposal{now, f.gateways})
}

// InForce returns the decision that is in force.
func (f *Floor) InForce(a *v1alpha1.AutoscalingSpec) Decision {
	wanted := max(f.gateways+a.SpareReplicas(), a.LeastReplicas())
	return Decision{Floor: min(wanted, a.MaxReplicas), Wanted: wanted}
}

// Next takes the load of a moment into account. The service has a target.
func (f *Floor) Next(load Load, a *v1alpha1.AutoscalingSpec, now time.Time) Decision {
	up, down := rulesOf(a.Behavior)
	wants := propose(f.gateways, load, float64(*a.TargetConnections), up.tolerance, down.tolerance)
	f.record(proposal{now, wants}, now.Add(-max(up.window, down.window)))
	before := f.gateways
	if least := f.least(now.Add(-up.window)); f.gateways < least && !up.disabled {
		f.gateways = least
	}
	if most := f.most(now.Add(-down.window)); f.gateways > most && !down.disabled {
		f.gateways = most
	}
	decision := f.InForce(a)
	decision.Held = load.Unknown > 0 && needed(load, float64(*a.TargetConnections)) < f.gateways
	soon := f.most(now.Add(near - down.window))
	decision.Near = !down.disabled && f.gateways <= before && soon < f.gateways
	return decision
}

// propose returns how many gateways a load needs, where there is a floor already: as many, if their
// average would be within the tolerances. What is not known may only raise the floor.
func propose(floor int32, load Load, target, upTolerance, downTolerance float64) int32 {
	if floor > 0 {
		use := float64(load.Connections) / (float64(floor) * target)
		if use <= 1+upTolerance && use >= 1-downTolerance {
			return floor
		}
	}
	if load.Unknown > 0 {
		return max(floor, needed(load, target))
	}
	return needed(load, target)
}

// needed returns the smallest number of gateways whose average is not above the target.
func needed(load Load, target float64) int32 {
	const most = 1 << 20 // more than any maximum
	return int32(min(math.Ceil(float64(load.Connections)/target), most))
}

// record adds a proposal, and forgets those before the cutoff.
func (f *Floor) record(p proposal, cutoff time.Time) {
	f.proposals = slices.DeleteFunc(f.proposals, func(old proposal) bool { return !old.at.After(cutoff) })
	f.proposals = append(f.proposals, p)
}

// least and most are those of the newest proposal and of all after the cutoff.
func (f *Floor) least(cutoff time.Time) int32 {
	least := f.proposals[len(f.proposals)-1].gateways
	for _, p := range f.proposals {
		if p.at.After(cutoff) {
			least = min(least, p.gateways)
		}
	}
	return least
}

func (f *Floor) most(cutoff time.Time) int32 {
	most := f.proposals[len(f.proposals)-1].gateways
	for _, p := range f.proposals {
		if p.at.After(cutoff) {
			most = max(most, p.gateways)
		}
	}
	return most
}

// rules are those of one direction.
type rules struct {
	tolerance float64
	window    time.Duration
	disabled  bool
}

// rulesOf returns the rules of a behavior, which may be nil.
func rulesOf(b *autoscalingv2.HorizontalPodAutoscalerBehavior) (up, down rules) {
	if b == nil {
		b = &autoscalingv2.HorizontalPodAutoscalerBehavior{}
	}
	return ruleOf(b.ScaleUp, defaultUpWindow), ruleOf(b.ScaleDown, defaultDownWindow)
}

func ruleOf(given *autoscalingv2.HPAScalingRules, window time.Duration) rules {
	r := rules{tolerance: defaultTolerance, window: window}
	if given == nil {
		return r
	}
	if given.Tolerance != nil {
		r.tolerance = given.Tolerance.AsApproximateFloat64()
	}
	if seconds := given.StabilizationWindowSeconds; seconds != nil {
		r.window = time.Duration(*seconds) * time.Second
	}
	r.disabled = ptr.Deref(given.SelectPolicy, autoscalingv2.MaxChangePolicySelect) == autoscalingv2.DisabledPolicySelect
	return r
}
