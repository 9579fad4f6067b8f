// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/places"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// configurePlaces applies the program's capacities to a namespace.
func (r *Runtime) configurePlaces(ns *socketio.Namespace, b *binding) {
	var capacity func(string) int
	if compiled := b.namespace; compiled != nil && compiled.rooms.capacity {
		capacity = compiled.capacity
	}
	if err := places.Configure(ns, capacity); err != nil {
		r.log.Error("rooms have no capacity, which the manifest asks for: nobody may join them", "error", err)
	}
	if capacity == nil {
		ns.SetPlaces(nil)
		return
	}
	ns.SetPlaces(&socketio.Places{
		Take:     func(s *socketio.Socket, rooms []string) []error { return r.takePlaces(b, s, rooms) },
		GiveBack: places.GiveBack,
	})
}

// capacity returns that of a room; 0: none.
func (n *namespace) capacity(room string) int {
	if rule := n.rule(room); rule != nil && rule.source.Capacity != nil {
		return int(*rule.source.Capacity)
	}
	return 0
}

// takePlaces gives a socket a place in each of the rooms that have one for it, and returns an error
// for each of the others.
func (r *Runtime) takePlaces(b *binding, s *socketio.Socket, rooms []string) []error {
	wishes := make([]places.Wish, len(rooms))
	for i, room := range rooms {
		wishes[i] = places.Wish{Room: room, Capacity: b.namespace.capacity(room)}
	}
	errs := places.Take(s, wishes)
	for i, err := range errs {
		if err == nil {
			continue
		}
		errs[i] = nil
		if rule := b.namespace.rule(wishes[i].Room); r.refusePlace(b, s, rule, err) {
			errs[i] = &forbiddenError{codeOf(err), rule.place + ".capacity"}
		}
	}
	return errs
}

func codeOf(err error) string {
	if errors.Is(err, places.ErrFull) {
		return codeFull
	}
	return codeUnavailable
}

// refusePlace counts that a socket finds no place, and reports whether it is refused. It logs what
// an audit finds, and that nobody can tell.
func (r *Runtime) refusePlace(b *binding, s *socketio.Socket, rule *roomRule, err error) bool {
	place, mode := rule.place+".capacity", v1alpha1.AccessEnforce
	if rule.access.audit {
		mode = v1alpha1.AccessAudit
	}
	r.refusals.WithLabelValues(b.label, place, string(mode)).Inc()
	full := errors.Is(err, places.ErrFull)
	if full && !rule.access.audit {
		return true
	}
	text := "a rule would refuse"
	if !full {
		text = "nobody can tell whether a room has a place, which counts as a refusal"
	}
	r.logLimit.Warn(r.log.With("namespace", b.label, "rule", place, "mode", mode), refusedRule{b.label, place}, text, s.LogAttr(), "error", err)
	return !rule.access.audit
}

const (
	// countTimeout bounds the wait for the members of rooms.
	countTimeout = 5 * time.Second
	// maxCandidates bounds the rooms that are counted together.
	maxCandidates = 64
)

func compileCount(e v1alpha1.Expression) (step, error) {
	names, err := eval.CompileRoomNames(string(e))
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	return func(r *run) error {
		rooms, err := r.Rooms(names)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		return r.counted(rooms, func(r *run, counts map[string]int) { r.SetCounts(counts) })
	}, nil
}

// counted counts the members of rooms, and continues with that.
func (r *run) counted(rooms []string, then func(*run, map[string]int)) error {
	keeper, err := r.counter(rooms)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	var counts map[string]int
	return r.await(&pending{timeout: countTimeout, wait: func(ctx context.Context) {
		counts, err = keeper.Counts(ctx, rooms)
	}, then: func(r *run) error {
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		then(r, counts)
		return nil
	}})
}

// counter returns what counts the members of rooms, if these are not too many.
func (r *run) counter(rooms []string) (*places.Keeper, error) {
	if len(rooms) > maxCandidates {
		return nil, fmt.Errorf("%d rooms are named, and %d may be", len(rooms), maxCandidates)
	}
	return places.Of(r.Socket.Namespace())
}

func compileJoinOneOf(a *v1alpha1.JoinOneOfAction) (step, error) {
	names, err := eval.CompileRoomNames(string(a.Rooms))
	if err != nil {
		return nil, fmt.Errorf("joinOneOf, rooms: %w", err)
	}
	prefer := cmp.Or(a.Prefer, v1alpha1.PreferLeastFull)
	return func(r *run) error {
		rooms, err := r.Rooms(names)
		if err != nil {
			return fmt.Errorf("joinOneOf, rooms: %w", err)
		}
		if len(rooms) == 0 {
			return errors.New("joinOneOf: no room is named")
		}
		in := r.Socket.Rooms()
		if i := slices.IndexFunc(rooms, func(room string) bool { return slices.Contains(in, room) }); i >= 0 {
			r.SetJoined(rooms[i])
			return nil
		}
		return r.joinOneOf(rooms, prefer)
	}, nil
}

// joinOneOf puts the socket into one of the rooms.
func (r *run) joinOneOf(rooms []string, prefer v1alpha1.RoomPreference) error {
	keeper, err := r.counter(rooms)
	if err != nil {
		return fmt.Errorf("joinOneOf: %w", err)
	}
	var joined string
	client, ns := r.client, r.binding.namespace
	return r.await(&pending{timeout: countTimeout, wait: func(ctx context.Context) {
		var counts map[string]int
		if counts, err = keeper.Counts(ctx, rooms); err == nil {
			joined, err = client.joinFirst(ns.inOrder(rooms, counts, prefer))
		}
	}, then: func(r *run) error {
		if err != nil {
			return fmt.Errorf("joinOneOf: %w", err)
		}
		r.SetJoined(joined)
		return nil
	}})
}

// inOrder returns the rooms that had a place, in the order in which they are tried; one of the
// others if there was none, since somebody may have left by now.
func (n *namespace) inOrder(rooms []string, counts map[string]int, prefer v1alpha1.RoomPreference) []string {
	free := slices.DeleteFunc(slices.Clone(rooms), func(room string) bool {
		return counts[room] >= n.capacity(room)
	})
	if len(free) == 0 {
		return rooms[:1]
	}
	switch prefer {
	case v1alpha1.PreferListed:
	case v1alpha1.PreferMostFull:
		slices.SortStableFunc(free, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	default:
		slices.SortStableFunc(free, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
	}
	return free
}

// joinFirst puts the socket into the first of the rooms that still has a place for it.
func (c *client) joinFirst(rooms []string) (joined string, err error) {
	for _, room := range rooms {
		if !c.socket.TakeJoins(room) {
			return "", errJoins
		}
		err = ignoreDisconnected(c.socket.Join(room))
		refused := (*forbiddenError)(nil)
		if err == nil {
			return room, nil
		}
		if !errors.As(err, &refused) || refused.code == codeUnavailable {
			return "", err
		}
	}
	return "", err
}
