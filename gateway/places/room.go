// SPDX-License-Identifier: Apache-2.0

package places

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// room is what this gateway knows of a room. Keeper.mu guards it, except for known, revision and
// fresh, which belong to the goroutine that writes.
type room struct {
	name string
	// members are the sockets of this gateway, by their ids.
	members map[string]member
	// away are former members whose place waits, and for how long, that no record has yet.
	away    map[string]time.Time
	waiting []*take
	// writing: a goroutine writes. dirty: there is something else to write. reread: the record may
	// have lost this gateway's part.
	writing, dirty, reread bool
	// written is when the record was last known to have this gateway's part.
	written time.Time

	// seen is the revision of the last record that this gateway has written, and taken how many
	// places were taken by it.
	seen  uint64
	taken int

	// known is the record as this gateway has last seen it, nil if not, and revision its revision.
	known    *record
	revision uint64
}

// member is a socket that is in a room, or a place that is reserved for one that has not joined
// yet.
type member struct {
	// socket is nil for a place that is reserved, and until says for how long.
	socket *socketio.Socket
	until  time.Time
}

// take is a wish for a place.
type take struct {
	id, room string
	capacity int
	done     chan error
	// abandoned: nobody waits any more. Guarded by Keeper.mu.
	abandoned bool
}

func (r *room) isReserved(id string) bool {
	m, known := r.members[id]
	return known && m.socket == nil
}

// writeSoon is called with mu held.
func (k *Keeper) writeSoon(r *room) {
	if r.writing || k.closed {
		return
	}
	r.writing = true
	k.link.Go(func() { k.write(r) })
}

// batch is what one write is about.
type batch struct {
	takes   []*take
	members []string
	away    map[string]time.Time
	granted []*take
	refused []*take
}

// next returns what is to be written; nil if there is nothing, or nothing can be.
func (k *Keeper) next(r *room, failed bool) *batch {
	k.mu.Lock()
	defer k.mu.Unlock()
	if failed && len(r.waiting) == 0 || len(r.waiting) == 0 && !r.dirty {
		r.writing = false
		if !r.dirty && len(r.members) == 0 {
			delete(k.rooms, r.name)
		}
		return nil
	}
	b := &batch{takes: r.waiting, members: slices.Sorted(maps.Keys(r.members)), away: maps.Clone(r.away)}
	if r.reread {
		r.known = nil
	}
	r.waiting, r.dirty, r.reread = nil, false, false
	return b
}

// write writes a room's record until nothing is left to write. What fails is tried again by Beat.
//
//nolint:contextcheck // it takes the gateway's context, since it writes for several who wait
func (k *Keeper) write(r *room) {
	k.writes <- struct{}{}
	defer func() { <-k.writes }()
	for failed := false; ; {
		b := k.next(r, failed)
		if b == nil {
			return
		}
		ctx, cancel := context.WithTimeout(k.link.Life(), writeTimeout)
		err := k.settle(ctx, r, b)
		cancel()
		k.settled(r, b, err)
		failed = err != nil
	}
}

// settled tells those who wait.
func (k *Keeper) settled(r *room, b *batch, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		r.dirty, r.known = true, nil
		for _, t := range b.takes {
			t.done <- ErrUnavailable
		}
		return
	}
	r.written = time.Now()
	if r.known != nil {
		r.seen, r.taken = r.revision, r.known.taken(r.written)
	}
	for id, until := range b.away {
		if r.away[id].Equal(until) {
			delete(r.away, id)
		}
	}
	for _, t := range b.granted {
		if t.abandoned {
			r.dirty = true
			continue
		}
		if _, joined := r.members[t.id]; !joined {
			r.members[t.id] = member{until: time.Now().Add(reservation)}
		}
		t.done <- nil
	}
	for _, t := range b.refused {
		t.done <- ErrFull
	}
}

// settle decides about the takes of a batch, and writes the record.
func (k *Keeper) settle(ctx context.Context, r *room, b *batch) error {
	fresh := false
	for {
		if r.known == nil {
			var err error
			if r.known, r.revision, err = k.read(ctx, r.name); err != nil {
				return err
			}
			fresh = true
		}
		next := r.known.clone()
		now := time.Now()
		changed := next.put(k.link.ID(), b.members, b.away, now) || len(b.members) > 0 && k.isOld(r, now)
		b.decide(next, k.link.ID(), now)
		if len(b.refused) > 0 && !fresh {
			r.known = nil // somebody may have left
			continue
		}
		if len(b.refused) > 0 && k.dropLost(ctx, next) {
			b.decide(next, k.link.ID(), now)
			changed = true
		}
		if !changed && len(b.granted) == 0 {
			return nil
		}
		revision, err := k.link.Write(ctx, r.name, next.encode(), r.revision)
		switch {
		case err == nil:
			r.known, r.revision = next, revision
			return nil
		case !errors.Is(err, ErrChanged):
			return err
		}
		r.known, fresh = nil, false
	}
}

// isOld reports whether a record should be renewed before the log forgets it.
func (k *Keeper) isOld(r *room, now time.Time) bool { return now.Sub(r.written) > k.link.Keeps()/3 }

// decide gives those who wait the places that are left, in their order.
func (b *batch) decide(rec *record, gateway string, now time.Time) {
	b.granted, b.refused = nil, nil
	taken := rec.taken(now)
	for _, t := range b.takes {
		switch {
		case rec.has(t.id, now):
		case taken < t.capacity:
			taken++
		default:
			b.refused = append(b.refused, t)
			continue
		}
		rec.add(gateway, t.id)
		b.granted = append(b.granted, t)
	}
}

// dropLost frees the places of gateways that are not alive. It reports whether there are any.
func (k *Keeper) dropLost(ctx context.Context, rec *record) bool {
	dropped := false
	for gateway := range rec.Members {
		if gateway != k.link.ID() && k.link.IsLost(ctx, gateway) {
			rec.drop(gateway)
			dropped = true
		}
	}
	return dropped
}

func (k *Keeper) read(ctx context.Context, name string) (*record, uint64, error) {
	data, revision, err := k.link.Read(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	rec, err := decodeRecord(data)
	return rec, revision, err
}

func (r *record) clone() *record {
	return &record{Members: maps.Clone(r.Members), Away: maps.Clone(r.Away)}
}
