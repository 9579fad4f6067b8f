// SPDX-License-Identifier: Apache-2.0

package autoscaling

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func gatewaysWith(connections ...int64) []Gateway {
	var gateways []Gateway
	for i, n := range connections {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: string(rune('a' + i))}}
		gateways = append(gateways, Gateway{Pod: pod, Connections: n, Known: true})
	}
	return gateways
}

func TestMoves(t *testing.T) {
	for name, test := range map[string]struct {
		connections []int64
		perSecond   int32
		want        map[string]int
	}{
		"from the full to the empty":       {[]int64{100, 0}, 1, map[string]int{"a": 10}},
		"no more than are above":           {[]int64{100, 0}, 100, map[string]int{"a": 50}},
		"by how much they are above":       {[]int64{100, 40, 0, 0}, 1, map[string]int{"a": 10}},
		"shared":                           {[]int64{90, 60, 0}, 5, map[string]int{"a": 40, "b": 10}},
		"within 10%":                       {[]int64{110, 90, 100}, 10, nil},
		"one below, and nobody far above":  {[]int64{105, 105, 105, 80}, 10, map[string]int{"a": 7, "b": 7, "c": 5}},
		"one alone":                        {[]int64{100}, 10, nil},
		"nobody":                           {[]int64{0, 0}, 10, nil},
		"as close as whole clients can be": {[]int64{3, 2, 2}, 10, nil},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1000, 0)
			moves := (&Rebalance{}).Moves(gatewaysWith(test.connections...), now, test.perSecond, 10*time.Second, now)
			var got map[string]int
			for pod, n := range moves {
				if got == nil {
					got = map[string]int{}
				}
				got[pod.Name] = n
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARebalanceEnds(t *testing.T) {
	newest := time.Unix(1000, 0)
	full, balanced := gatewaysWith(100, 0), gatewaysWith(50, 50)
	moves := func(r *Rebalance, gateways []Gateway, newest, now time.Time) int {
		return len(r.Moves(gateways, newest, 1, 10*time.Second, now))
	}
	r := &Rebalance{}
	if moves(r, full, newest, newest) == 0 || moves(r, balanced, newest, newest) != 0 {
		t.Error("it does not begin, or does not end")
	}
	if moves(r, full, newest, newest) != 0 {
		t.Error("it begins again without a new gateway")
	}
	if moves(r, full, newest.Add(time.Second), newest.Add(time.Second)) == 0 {
		t.Error("it does not begin with a new gateway")
	}
	// 100 clients at one per second, twice, and ten minutes.
	const longest = 800 * time.Second
	if moves(&Rebalance{}, full, newest, newest.Add(longest)) == 0 {
		t.Error("it has ended before its time")
	}
	if moves(&Rebalance{}, full, newest, newest.Add(longest+time.Second)) != 0 {
		t.Error("it has not ended after its time")
	}
}

// Clients come back to a gateway by chance, as through a Service. All gateways come within 10%, and
// no client moves more often than once in five minutes.
func TestARebalanceReachesTheAverage(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		const perGateway, interval, perSecond, quiet = 200, 10 * time.Second, 10, 5 * time.Minute
		n := 2 + random.IntN(6)
		gateways := gatewaysWith(make([]int64, n)...)
		start := time.Unix(100_000, 0)
		type client struct{ since time.Time }
		at := make([][]client, n) // the clients of each gateway
		old := 1 + random.IntN(n-1)
		for range perGateway * n {
			i := random.IntN(old)
			at[i] = append(at[i], client{start.Add(-time.Hour)})
		}
		r, now, moved := &Rebalance{}, start, 0
		for {
			for i := range gateways {
				gateways[i].Connections = int64(len(at[i]))
			}
			if Balanced(gateways) {
				break
			}
			if now.Sub(start) > time.Hour {
				t.Fatalf("seed %d: after an hour and %d moves the gateways have %v", seed, moved, gateways)
			}
			moves := r.Moves(gateways, start, perSecond, interval, now)
			if total := sum(moves); total > perSecond*int(interval.Seconds()) {
				t.Fatalf("seed %d: %d moves in %v", seed, total, interval)
			}
			for i := range gateways {
				for left, c := moves[gateways[i].Pod], 0; left > 0 && c < len(at[i]); {
					if now.Sub(at[i][c].since) < quiet {
						c++
						continue
					}
					at[i] = append(at[i][:c], at[i][c+1:]...)
					to := random.IntN(n)
					at[to] = append(at[to], client{now})
					left, moved = left-1, moved+1
				}
			}
			now = now.Add(interval)
		}
		if moved > 2*perGateway*n {
			t.Errorf("seed %d: %d moves of %d clients", seed, moved, perGateway*n)
		}
	}
}

func sum(moves map[*corev1.Pod]int) (total int) {
	for _, n := range moves {
		total += n
	}
	return total
}
