// SPDX-License-Identifier: Apache-2.0

package autoscaling

import (
	"cmp"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// orderTolerance is by how much a gateway must have more clients than another for their order to
// count: of two with about as many, either may leave first.
const orderTolerance = 0.1

// Gateway is a gateway pod as it is ordered and balanced.
type Gateway struct {
	Pod *corev1.Pod
	// Connections is the number of its clients. Known is false if it has never told.
	Connections int64
	Known       bool
}

// Costs returns the deletion costs that must be written so that the gateways with the fewest
// clients leave first: of all pods whose cost is outdated, if two pods would leave in the wrong
// order; of none otherwise. A gateway that has not told its clients leaves last.
func Costs(gateways []Gateway) map[*corev1.Pod]int32 {
	gateways = slices.DeleteFunc(slices.Clone(gateways), func(g Gateway) bool { return !g.Pod.DeletionTimestamp.IsZero() })
	if inOrder(gateways) {
		return nil
	}
	costs := map[*corev1.Pod]int32{}
	for _, g := range gateways {
		if g.cost() != costOf(g.Pod) {
			costs[g.Pod] = g.cost()
		}
	}
	return costs
}

// inOrder reports whether no gateway would leave before one with clearly fewer clients.
func inOrder(gateways []Gateway) bool {
	byCost := slices.Clone(gateways)
	slices.SortFunc(byCost, func(a, b Gateway) int {
		// Those with the same cost leave in any order, so the worst one counts.
		return cmp.Or(cmp.Compare(costOf(a.Pod), costOf(b.Pod)), -cmp.Compare(a.cost(), b.cost()))
	})
	most := int32(0)
	for _, g := range byCost {
		if float64(g.cost()) < float64(most)*(1-orderTolerance) {
			return false
		}
		most = max(most, g.cost())
	}
	return true
}

// unknownCost is that of a gateway that has not told its clients.
const unknownCost = 1<<31 - 1

func (g Gateway) cost() int32 {
	if !g.Known {
		return unknownCost
	}
	return int32(min(g.Connections, unknownCost)) //nolint:gosec // within the line itself
}

// costOf returns a pod's cost as the ReplicaSet reads it.
func costOf(pod *corev1.Pod) int32 {
	cost, err := strconv.ParseInt(pod.Annotations[corev1.PodDeletionCost], 10, 32)
	if err != nil {
		return 0
	}
	return int32(cost)
}
