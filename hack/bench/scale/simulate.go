// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"
	"time"
)

// world is what is simulated.
type world struct {
	connections    int
	perGateway     int
	rooms          int
	exponent       float64       // a room's size is by its rank to the power of minus this
	roomsPerClient int           // each in so many
	every          time.Duration // each client says something to each of its rooms
	roomLimit      float64       // but no room takes more than so many events in a second
	seed           uint64
}

func (w world) check() error {
	if w.connections < 1 || w.perGateway < 1 || w.rooms < 1 || w.roomsPerClient < 1 || w.roomsPerClient > w.rooms || w.every <= 0 || w.roomLimit <= 0 {
		return fmt.Errorf("all of %+v is to be positive, and no client is in more rooms than there are", w)
	}
	return nil
}

func (w world) gateways() int { return (w.connections + w.perGateway - 1) / w.perGateway }

// load is what a gateway has to do; all but subscriptions in a second.
type load struct {
	connections, subscriptions  float64
	events, relayed, deliveries float64
}

// outcome is what the world comes to, in a second.
type outcome struct {
	world       world
	each        []load  // by gateway
	events      float64 // from clients, and as many messages to NATS
	deliveries  float64
	relayed     float64 // messages from NATS, heartbeats of gateways apart
	stored      float64 // messages from NATS if all events are stored: to all gateways with a member, and an acknowledgement
	largestRoom int
	filled      int // rooms with a member
}

// simulate puts each connection into its rooms and on a gateway, and adds up.
func simulate(w world) (*outcome, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	gateways := w.gateways()
	memberships := w.draw()
	sizes := make([]int, w.rooms)
	words := (gateways + 63) / 64
	present := make([]uint64, w.rooms*words) // a bit for each gateway of a room
	o := &outcome{world: w, each: make([]load, gateways)}
	for i, room := range memberships {
		g := i / w.roomsPerClient % gateways
		sizes[room]++
		word := &present[int(room)*words+g/64]
		if *word&(1<<(g%64)) == 0 {
			*word |= 1 << (g % 64)
			o.each[g].subscriptions++
		}
	}
	rates := make([]float64, w.rooms)
	for room, size := range sizes {
		rates[room] = min(float64(size)/w.every.Seconds(), w.roomLimit)
		reach := 0
		for _, word := range present[room*words : (room+1)*words] {
			reach += bits.OnesCount64(word)
		}
		if size == 0 {
			continue
		}
		o.filled++
		o.events += rates[room]
		o.deliveries += rates[room] * float64(size)
		o.relayed += rates[room] * float64(reach-1)
		o.stored += rates[room] * float64(reach+1)
		o.largestRoom = max(o.largestRoom, size)
	}
	o.spread(memberships, sizes, rates, present, words)
	return o, nil
}

// spread tells what falls to each gateway. Each member of a room says as much as any other.
func (o *outcome) spread(memberships []int32, sizes []int, rates []float64, present []uint64, words int) {
	gateways := len(o.each)
	for i, room := range memberships {
		g := &o.each[i/o.world.roomsPerClient%gateways]
		g.deliveries += rates[room]
		g.events += rates[room] / float64(sizes[room])
	}
	for room, rate := range rates {
		for word, set := range present[room*words : (room+1)*words] {
			for ; set != 0; set &= set - 1 {
				o.each[word*64+bits.TrailingZeros64(set)].relayed += rate
			}
		}
	}
	for g := range o.each {
		one := &o.each[g]
		one.connections = float64((o.world.connections - g + gateways - 1) / gateways)
		one.subscriptions += ownSubscriptions
		one.relayed += float64(gateways-1)/heartbeat - one.events // what it publishes does not come back
	}
}

// draw returns the rooms of all connections, those of one behind each other.
func (w world) draw() []int32 {
	random := rand.New(rand.NewPCG(w.seed, 0))
	upTo := make([]float64, w.rooms) // sums of weights
	sum := 0.0
	for rank := range upTo {
		sum += math.Pow(float64(rank+1), -w.exponent)
		upTo[rank] = sum
	}
	all := make([]int32, 0, w.connections*w.roomsPerClient)
	for range w.connections {
		own := len(all)
		for len(all)-own < w.roomsPerClient {
			room := int32(sort.SearchFloat64s(upTo, random.Float64()*sum))
			if !slices.Contains(all[own:], room) {
				all = append(all, room)
			}
		}
	}
	return all
}
