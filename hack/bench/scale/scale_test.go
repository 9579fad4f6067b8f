// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestFitFindsWhatItWasMadeOf(t *testing.T) {
	want := []float64{30, 12, 0, 7}
	var samples []sample
	for _, factors := range [][]float64{{1, 0, 10, 1}, {1, 1, 10, 5}, {1, 0, 100, 10}, {1, 1, 1000, 100}, {1, 0, 1000, 500}} {
		s := sample{factors: factors}
		s.value = s.estimate(want)
		samples = append(samples, s)
	}
	got, err := fit(samples)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-6 {
			t.Errorf("coefficient %d is %v, not %v", i, got[i], want[i])
		}
	}
}

func TestFitHasNothingNegative(t *testing.T) {
	got, err := fit([]sample{{"", []float64{1, 1}, 10, 0}, {"", []float64{1, 2}, 9, 0}, {"", []float64{1, 3}, 8, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if got[1] != 0 || got[0] < 8 || got[0] > 10 {
		t.Errorf("the coefficients are %v", got)
	}
}

func TestFitMindsWhatIsDoubtful(t *testing.T) {
	got, err := fit([]sample{{"", []float64{1}, 10, 0}, {"", []float64{1}, 1000, 1e6}})
	if err != nil || math.Abs(got[0]-10) > 0.1 {
		t.Errorf("the coefficient is %v: %v", got, err)
	}
}

func TestFitRefusesTooFewMeasurements(t *testing.T) {
	if _, err := fit([]sample{{"", []float64{1, 2}, 10, 0}}); !errors.Is(err, errUndetermined) {
		t.Errorf("the error is %v", err)
	}
	if _, err := newModel(nil); !errors.Is(err, errUndetermined) {
		t.Errorf("without measurements the error is %v", err)
	}
}

func TestGatewaysTogetherDoWhatTheWorldAsks(t *testing.T) {
	w := world{connections: 5_000, perGateway: 700, rooms: 300, exponent: 1, roomsPerClient: 3, every: time.Minute, roomLimit: 2, seed: 1}
	o, err := simulate(w)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.each) != 8 {
		t.Fatalf("%d gateways", len(o.each))
	}
	var sum load
	for _, g := range o.each {
		sum.connections += g.connections
		sum.events += g.events
		sum.deliveries += g.deliveries
		sum.relayed += g.relayed - 7/heartbeat
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"connections", sum.connections, 5_000}, {"events", sum.events, o.events},
		{"deliveries", sum.deliveries, o.deliveries}, {"relayed events", sum.relayed, o.relayed},
	} {
		if math.Abs(c.got-c.want) > 1e-6*c.want {
			t.Errorf("%s: the gateways' are %v, the world's %v", c.name, c.got, c.want)
		}
	}
	if o.relayed > o.events*7 || o.relayed < o.events {
		t.Errorf("%v events are relayed %v times to 7 others", o.events, o.relayed)
	}
}

func TestOneRoomOnOneGatewayNeedsNoNATS(t *testing.T) {
	o, err := simulate(world{connections: 100, perGateway: 100, rooms: 1, roomsPerClient: 1, every: time.Second, roomLimit: 10, seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if o.relayed != 0 || o.events != 10 || o.deliveries != 1000 || o.each[0].subscriptions != 1+ownSubscriptions || o.largestRoom != 100 {
		t.Errorf("it comes to %+v", o)
	}
}

func TestNumbersHaveCommas(t *testing.T) {
	for x, want := range map[float64]string{0.1234: "0.123", 12: "12", 999.4: "999", 999.9: "1,000", 1000: "1,000", 1234567.8: "1,234,568"} {
		if got := number(x); got != want {
			t.Errorf("%v is written %s, not %s", x, got, want)
		}
	}
}
