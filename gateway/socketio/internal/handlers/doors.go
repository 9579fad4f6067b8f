// SPDX-License-Identifier: Apache-2.0

package handlers

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// Places bound rooms. Unlike a rule, which only judges, they change with each socket that gets in.
type Places[S any] struct {
	// Take takes a place in each of the rooms that has one, for a socket that is about to join
	// them. The rule has allowed them. The errors are in the order of the rooms, and say why the
	// socket may not join; nil if it may join all.
	Take func(s S, rooms []string) []error
	// GiveBack is told of rooms that a socket does not join, although Take was called for them. It
	// may be in some of them already, and leaves them then.
	GiveBack func(s S, rooms []string)
}

// Doors decide who gets into the rooms of a namespace. The zero value lets everybody into all of
// them. Safe for concurrent use.
type Doors[S any] struct {
	rule   atomic.Pointer[func(S, []string) error]
	places atomic.Pointer[Places[S]]
}

// SetRule replaces what judges; nil allows all rooms.
func (d *Doors[S]) SetRule(rule func(S, []string) error) {
	if rule == nil {
		d.rule.Store(nil)
		return
	}
	d.rule.Store(&rule)
}

// SetPlaces replaces the places; with nil no room is bounded.
func (d *Doors[S]) SetPlaces(p *Places[S]) { d.places.Store(p) }

// AreOpen reports whether everybody gets into all rooms.
func (d *Doors[S]) AreOpen() bool { return d.rule.Load() == nil && d.places.Load() == nil }

// Judge returns the rule's error, and changes nothing.
func (d *Doors[S]) Judge(s S, rooms []string) error {
	if rule := d.rule.Load(); rule != nil {
		return (*rule)(s, rooms)
	}
	return nil
}

// Enter judges a socket that is about to join rooms, and takes its places: all of them, or none.
func (d *Doors[S]) Enter(s S, rooms []string) error {
	if err := d.Judge(s, rooms); err != nil {
		return err
	}
	p := d.places.Load()
	if p == nil {
		return nil
	}
	var taken []string
	var first error
	for i, err := range p.Take(s, rooms) {
		if err == nil {
			taken = append(taken, rooms[i])
		}
		first = cmp.Or(first, err)
	}
	if first != nil && len(taken) > 0 {
		p.GiveBack(s, taken)
	}
	return first
}

// EnterEach is Enter for a socket that joins those of the rooms that it may. The errors are in
// their order.
func (d *Doors[S]) EnterEach(s S, rooms []string) []error {
	errs := make([]error, len(rooms))
	var allowed []string
	var at []int
	for i, room := range rooms {
		if errs[i] = d.Judge(s, []string{room}); errs[i] == nil {
			allowed, at = append(allowed, room), append(at, i)
		}
	}
	if p := d.places.Load(); p != nil && len(allowed) > 0 {
		for i, err := range p.Take(s, allowed) {
			errs[at[i]] = err
		}
	}
	return errs
}

// ComeBack returns what judges a socket that comes back: allows one room after the other, and
// enters those that it is to be in again. Rooms for which others returns true are never the
// socket's; refused is told why it does not get into another one.
func (d *Doors[S]) ComeBack(s S, others func(room string) bool, refused func(error)) (allows func(room string) bool, enters func(rooms []string) []bool) {
	may := func(err error) bool {
		if err != nil {
			refused(err)
		}
		return err == nil
	}
	allows = func(room string) bool { return !others(room) && may(d.Judge(s, []string{room})) }
	return allows, func(rooms []string) []bool {
		errs := d.EnterEach(s, slices.DeleteFunc(slices.Clone(rooms), others))
		answers := make([]bool, len(rooms))
		for i, room := range rooms {
			if !others(room) {
				answers[i], errs = may(errs[0]), errs[1:]
			}
		}
		return answers
	}
}

// GiveBack gives the places back that Enter has taken for a socket that does not join.
func (d *Doors[S]) GiveBack(s S, rooms []string) {
	if p := d.places.Load(); p != nil && len(rooms) > 0 {
		p.GiveBack(s, rooms)
	}
}
