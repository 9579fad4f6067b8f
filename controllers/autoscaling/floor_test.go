// SPDX-License-Identifier: Apache-2.0

package autoscaling

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// step is a load at a time, in seconds, and what is decided.
type step struct {
	at          int
	connections int64
	unknown     int
	want        Decision
}

func target(connections, headroom, least, most int32) *v1alpha1.AutoscalingSpec {
	return &v1alpha1.AutoscalingSpec{
		TargetConnections: &connections, Headroom: &headroom, MinReplicas: &least, MaxReplicas: most,
	}
}

func withBehavior(a *v1alpha1.AutoscalingSpec, up, down *autoscalingv2.HPAScalingRules) *v1alpha1.AutoscalingSpec {
	a.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: up, ScaleDown: down}
	return a
}

func floor(n int32) Decision { return Decision{Floor: n, Wanted: n} }

func TestFloorFollowsConnections(t *testing.T) {
	disabled := &autoscalingv2.HPAScalingRules{SelectPolicy: ptr.To(autoscalingv2.DisabledPolicySelect)}
	for name, test := range map[string]struct {
		inForce int32
		spec    *v1alpha1.AutoscalingSpec
		steps   []step
	}{
		"it rises at once, with headroom": {2, target(100, 1, 2, 20), []step{
			{at: 0, connections: 400, want: floor(5)},
			{at: 10, connections: 441, want: floor(6)},
		}},
		"it falls after five minutes": {5, target(100, 1, 2, 20), []step{
			{at: 1, connections: 100, want: floor(5)},
			{at: 269, connections: 100, want: floor(5)},
			{at: 271, connections: 100, want: Decision{Floor: 5, Wanted: 5, Near: true}},
			{at: 300, connections: 100, want: floor(2)},
		}},
		"it falls to the highest of five minutes": {5, target(100, 0, 1, 20), []step{
			{at: 100, connections: 300, want: floor(5)},
			{at: 200, connections: 100, want: floor(5)},
			{at: 310, connections: 100, want: floor(3)},
			{at: 401, connections: 100, want: floor(1)},
		}},
		"it stays within the tolerance": {4, target(100, 0, 1, 20), []step{
			{at: 0, connections: 440, want: floor(4)},
			{at: 1000, connections: 360, want: floor(4)},
			{at: 1001, connections: 441, want: floor(5)},
		}},
		"the tolerances are those of the behavior": {4, withBehavior(target(100, 0, 1, 20),
			&autoscalingv2.HPAScalingRules{Tolerance: ptr.To(resource.MustParse("0"))},
			&autoscalingv2.HPAScalingRules{Tolerance: ptr.To(resource.MustParse("0.5")), StabilizationWindowSeconds: ptr.To[int32](0)}), []step{
			{at: 0, connections: 401, want: floor(5)},
			{at: 10, connections: 250, want: floor(5)},
			{at: 20, connections: 249, want: floor(3)},
		}},
		"the windows are those of the behavior": {1, withBehavior(target(100, 0, 1, 20),
			&autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr.To[int32](60)},
			&autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr.To[int32](10)}), []step{
			{at: 0, connections: 300, want: floor(1)},
			{at: 59, connections: 500, want: floor(1)},
			{at: 60, connections: 300, want: floor(3)},
			{at: 61, connections: 100, want: Decision{Floor: 3, Wanted: 3, Near: true}},
			{at: 71, connections: 100, want: floor(1)},
		}},
		"what is disabled does not happen": {3, withBehavior(target(100, 0, 1, 20), disabled, disabled), []step{
			{at: 0, connections: 900, want: floor(3)},
			{at: 1000, connections: 0, want: floor(3)},
		}},
		"it is within the bounds": {1, target(100, 1, 2, 4), []step{
			{at: 0, connections: 0, want: floor(2)},
			{at: 10, connections: 900, want: Decision{Floor: 4, Wanted: 10}},
		}},
		"an unknown gateway is not an empty one": {5, target(100, 0, 1, 20), []step{
			{at: 1, connections: 0, unknown: 1, want: Decision{Floor: 5, Wanted: 5, Held: true}},
			{at: 10_000, connections: 0, unknown: 1, want: Decision{Floor: 5, Wanted: 5, Held: true}},
			{at: 10_010, connections: 700, unknown: 1, want: floor(7)},
			{at: 10_020, connections: 100, want: floor(7)},
			{at: 10_320, connections: 100, want: floor(1)},
		}},
		"the last of them that has left lowers nothing at once": {5, target(100, 0, 1, 20), []step{
			{at: 10, connections: 0, want: floor(5)},
			{at: 290, connections: 0, want: Decision{Floor: 5, Wanted: 5, Near: true}},
			{at: 301, connections: 0, want: floor(1)},
		}},
		"a number that no gateway has is no reason to panic": {1, target(1, 100, 1, 1000), []step{
			{at: 0, connections: math.MaxInt64, want: Decision{Floor: 1000, Wanted: 1<<20 + 100}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Unix(0, 0)
			f := NewFloor(test.inForce, test.spec, start)
			for _, s := range test.steps {
				got := f.Next(Load{s.connections, s.unknown}, test.spec, start.Add(time.Duration(s.at)*time.Second))
				if got != s.want {
					t.Errorf("after %d s with %d connections: %+v, want %+v", s.at, s.connections, got, s.want)
				}
			}
		})
	}
}

func TestNearIsBeforeEveryFall(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		spec, now := target(100, random.Int32N(3), 1, 30), time.Unix(0, 0)
		f := NewFloor(1+random.Int32N(20), spec, now)
		before, level := f.InForce(spec), random.Float64()*2500
		for range 400 {
			now = now.Add(time.Duration(8+random.IntN(5)) * time.Second)
			if random.IntN(60) == 0 {
				level = random.Float64() * 2500
			}
			next := f.Next(Load{Connections: int64(level)}, spec, now)
			if next.Floor < before.Floor && !before.Near {
				t.Fatalf("the floor falls from %+v to %+v without notice", before, next)
			}
			before = next
		}
	}
}

// For ten minutes, and asked as often as the operator asks, a load of 95% to 105% of the target
// changes nothing, however it moves in between.
func TestFloorDoesNotFlap(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		gateways, perGateway := 1+random.Int32N(40), 1+random.Int32N(10_000)
		spec, now := target(perGateway, random.Int32N(3), 1, 1000), time.Unix(0, 0)
		// It has come to this number by itself, and stays there as the noise begins.
		f := NewFloor(1, spec, now)
		full := float64(gateways) * float64(perGateway)
		want := f.Next(Load{Connections: int64(full)}, spec, now)
		noise := noises[random.IntN(len(noises))]
		for elapsed := time.Duration(0); elapsed < 10*time.Minute; elapsed += time.Duration(8+random.IntN(5)) * time.Second {
			load := full * (1 + 0.05*noise(random, elapsed))
			got := f.Next(Load{Connections: int64(load)}, spec, now.Add(elapsed))
			if got.Floor != want.Floor {
				t.Fatalf("seed %d: %d gateways become %d at %.1f%% of the target", seed, want.Floor, got.Floor, load/full*100)
			}
		}
	}
}

// noises are from -1 to 1.
var noises = []func(*rand.Rand, time.Duration) float64{
	func(r *rand.Rand, _ time.Duration) float64 { return r.Float64()*2 - 1 },
	func(r *rand.Rand, _ time.Duration) float64 { return float64(r.IntN(2))*2 - 1 },
	func(_ *rand.Rand, at time.Duration) float64 { return math.Sin(at.Minutes()) },
	func(_ *rand.Rand, at time.Duration) float64 { return max(-1, 1-at.Minutes()/3) },
	func(_ *rand.Rand, at time.Duration) float64 { return min(1, at.Minutes()/3-1) },
}

// A load that wanders anywhere never leaves the clients with fewer gateways than they need, beyond
// the tolerance, and never lets the floor fall within five minutes of a load that needed it.
func TestFloorIsEnough(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		spec, now := target(100, 0, 1, 1000), time.Unix(0, 0)
		f := NewFloor(1, spec, now)
		level, lastNeeded := 0.0, map[int32]time.Time{}
		before := f.InForce(spec)
		for range 1000 {
			now = now.Add(10 * time.Second)
			level = max(0, level+random.NormFloat64()*150)
			got := f.Next(Load{Connections: int64(level)}, spec, now)
			if average := math.Floor(level) / float64(got.Floor); average > 110.0001 {
				t.Fatalf("seed %d: %d gateways have %.1f clients on average, and the target is 100", seed, got.Floor, average)
			}
			for n := got.Floor + 1; n <= before.Floor; n++ {
				if at, ok := lastNeeded[n]; ok && now.Sub(at) < defaultDownWindow {
					t.Fatalf("seed %d: %d gateways become %d, and %d were needed %v ago", seed, before.Floor, got.Floor, n, now.Sub(at))
				}
			}
			for n := range needed(Load{Connections: int64(level)}, 100) {
				lastNeeded[n+1] = now
			}
			before = got
		}
	}
}
