// SPDX-License-Identifier: Apache-2.0

package places

import (
	"context"
	"fmt"
	"time"
)

// Counts returns how many places of rooms are taken: by all that this gateway has done, and by what
// the others had done a moment ago. ErrUncounted if one has no capacity.
func (k *Keeper) Counts(ctx context.Context, rooms []string) (map[string]int, error) {
	counts := make(map[string]int, len(rooms))
	for _, room := range rooms {
		if !k.isCounted(room) {
			return nil, ErrUncounted
		}
		counts[room] = 0
	}
	// Whether a gateway is lost is asked without waiting for the answer: the next count will know.
	known, cancel := context.WithCancel(ctx)
	cancel()
	revisions := make(map[string]uint64, len(rooms))
	var failed error
	err := k.link.ReadAll(ctx, rooms, func(room string, data []byte, revision uint64) {
		rec, err := decodeRecord(data)
		if err != nil {
			failed = err
			return
		}
		k.dropLost(known, rec)
		counts[room], revisions[room] = rec.taken(time.Now()), revision
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("count the members of rooms: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range rooms {
		if r := k.rooms[name]; r != nil && r.seen > revisions[name] {
			counts[name] = r.taken
		}
	}
	return counts, nil
}

// Capacity returns that of a room; 0: none.
func (k *Keeper) Capacity(room string) int {
	if capacity := k.capacity.Load(); capacity != nil {
		return (*capacity)(room)
	}
	return 0
}
