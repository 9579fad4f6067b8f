// SPDX-License-Identifier: Apache-2.0

package autoscaling

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// balanceTolerance is how far from the average a gateway may be.
	balanceTolerance = 0.1
	// moveSlack is how long a rebalance may take beyond the time for its moves.
	moveSlack = 10 * time.Minute
	// movesPerClient bounds a rebalance: it ends when it could have moved each client that often.
	movesPerClient = 2
)

// Balanced reports whether every gateway is within 10% of the average, or as close as whole clients
// allow.
func Balanced(gateways []Gateway) bool {
	average := average(gateways)
	for _, g := range gateways {
		off := float64(g.Connections) - average
		if max(off, -off) > max(average*balanceTolerance, 1) {
			return false
		}
	}
	return true
}

func average(gateways []Gateway) float64 {
	return float64(connections(gateways)) / float64(max(len(gateways), 1))
}

func connections(gateways []Gateway) (sum int64) {
	for _, g := range gateways {
		sum += g.Connections
	}
	return sum
}

// Rebalance decides when clients are moved. The zero value is ready for use, and losing it costs
// moves that have been made before.
type Rebalance struct {
	// done is when the newest gateway had become ready for which the gateways were balanced.
	done time.Time
}

// Moves returns how many clients each gateway should ask to reconnect over the next interval, at
// perSecond in all; none if the gateways are balanced, if that has been reached since the newest
// became ready, or if that is too long ago. newest is when that was. The gateways are those that
// clients can connect to, and have told their numbers.
//
// Clients come back to any of the gateways, so that one above the average gets some of them again:
// it asks until its number is right.
func (r *Rebalance) Moves(gateways []Gateway, newest time.Time, perSecond int32, interval time.Duration, now time.Time) map[*corev1.Pod]int {
	if len(gateways) < 2 || !newest.After(r.done) {
		return nil
	}
	if Balanced(gateways) {
		r.done = newest
		return nil
	}
	longest := moveSlack + time.Duration(movesPerClient*float64(connections(gateways))/float64(perSecond)*float64(time.Second))
	if now.Sub(newest) > longest {
		return nil
	}
	return share(gateways, max(1, int(float64(perSecond)*interval.Seconds())))
}

// share divides at most that many moves among the gateways above the average, by how much they are
// above it.
func share(gateways []Gateway, moves int) map[*corev1.Pod]int {
	average := average(gateways)
	above := slices.DeleteFunc(slices.Clone(gateways), func(g Gateway) bool { return float64(g.Connections) <= average })
	// The fullest first: it gets what rounding leaves.
	slices.SortFunc(above, func(a, b Gateway) int {
		return cmp.Or(-cmp.Compare(a.Connections, b.Connections), cmp.Compare(a.Pod.Name, b.Pod.Name))
	})
	var excess float64
	for _, g := range above {
		excess += float64(g.Connections) - average
	}
	shares, left := map[*corev1.Pod]int{}, min(moves, int(excess+0.999))
	part := min(1, float64(moves)/excess)
	for _, g := range above {
		n := min(int((float64(g.Connections)-average)*part+0.999), left)
		if n > 0 {
			shares[g.Pod] = n
			left -= n
		}
	}
	return shares
}
