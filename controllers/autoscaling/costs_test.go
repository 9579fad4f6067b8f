// SPDX-License-Identifier: Apache-2.0

package autoscaling

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// none is a cost that has not been written, and silent a number that has not been told.
const (
	none   = -1
	silent = -1
)

func gateway(connections int64, cost int) Gateway {
	pod := &corev1.Pod{}
	if cost != none {
		pod.Annotations = map[string]string{corev1.PodDeletionCost: strconv.Itoa(cost)}
	}
	return Gateway{Pod: pod, Connections: max(connections, 0), Known: connections != silent}
}

func TestCostsPutTheEmptiestFirst(t *testing.T) {
	leaving := gateway(5, 900)
	leaving.Pod.DeletionTimestamp = &metav1.Time{}
	leaving.Pod.DeletionTimestamp.Time = metav1.Now().Time
	for name, test := range map[string]struct {
		gateways []Gateway
		want     []int32 // none: not written
	}{
		"the first time":                  {[]Gateway{gateway(30, none), gateway(10, none)}, []int32{30, 10}},
		"all alike":                       {[]Gateway{gateway(10, none), gateway(10, none)}, []int32{none, none}},
		"about alike":                     {[]Gateway{gateway(100, none), gateway(91, none)}, []int32{none, none}},
		"in order":                        {[]Gateway{gateway(900, 30), gateway(15, 10)}, []int32{none, none}},
		"in the wrong order":              {[]Gateway{gateway(10, 30), gateway(20, 20)}, []int32{10, none}},
		"of no pod that is right already": {[]Gateway{gateway(10, 30), gateway(20, 20), gateway(40, 50)}, []int32{10, none, 40}},
		"of no pod that leaves":           {[]Gateway{leaving, gateway(20, 20)}, []int32{none, none}},
		"a silent one last":               {[]Gateway{gateway(silent, 10), gateway(20, 20)}, []int32{math.MaxInt32, none}},
		"more than a cost can say":        {[]Gateway{gateway(1<<40, 10), gateway(20, 20)}, []int32{math.MaxInt32, none}},
		"one":                             {[]Gateway{gateway(10, none)}, []int32{none}},
	} {
		t.Run(name, func(t *testing.T) {
			costs := Costs(test.gateways)
			var got []int32
			for _, g := range test.gateways {
				cost, written := costs[g.Pod]
				if !written {
					cost = none
				}
				got = append(got, cost)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever the numbers, and whatever was written before, the gateway that leaves first has at most
// 10% more clients than the emptiest; and who has written the costs does not write them again.
func TestTheFirstToLeaveIsTheEmptiest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var gateways []Gateway
		for range 1 + random.IntN(8) {
			gateways = append(gateways, gateway(random.Int64N(200), random.IntN(200)))
		}
		for pod, cost := range Costs(gateways) {
			pod.Annotations = map[string]string{corev1.PodDeletionCost: strconv.Itoa(int(cost))}
		}
		first := slices.MinFunc(gateways, func(a, b Gateway) int { return int(costOf(a.Pod) - costOf(b.Pod)) })
		emptiest := slices.MinFunc(gateways, func(a, b Gateway) int { return int(a.Connections - b.Connections) })
		if float64(emptiest.Connections) < float64(first.Connections)*0.9 {
			t.Fatalf("%d clients leave before %d", first.Connections, emptiest.Connections)
		}
		if again := Costs(gateways); len(again) > 0 {
			t.Fatalf("%d costs are written again", len(again))
		}
	}
}
