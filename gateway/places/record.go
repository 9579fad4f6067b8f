// SPDX-License-Identifier: Apache-2.0

package places

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// record is what the log has of a room. Releases may add members; a gateway that does not know them
// loses them (decision 25). Not safe for concurrent use.
type record struct {
	// Members has the ids of sockets, in order, by gateway.
	Members map[string][]string `json:"members,omitempty"`
	// Away has, by the id of a socket, until when its place waits for its client, in milliseconds
	// since 1970.
	Away map[string]int64 `json:"away,omitempty"`
}

func decodeRecord(data []byte) (*record, error) {
	r := &record{}
	if len(data) > 0 {
		if err := json.Unmarshal(data, r); err != nil {
			return nil, fmt.Errorf("read the record of a room: %w", err)
		}
	}
	if r.Members == nil {
		r.Members = map[string][]string{}
	}
	if r.Away == nil {
		r.Away = map[string]int64{}
	}
	return r, nil
}

func (r *record) encode() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers can be encoded
	}
	return data
}

// put replaces a gateway's part: its members, and those of them that are away now. It reports
// whether that changes anything.
func (r *record) put(gateway string, members []string, away map[string]time.Time, now time.Time) (changed bool) {
	changed = !slices.Equal(r.Members[gateway], members)
	if len(members) == 0 {
		delete(r.Members, gateway)
	} else {
		r.Members[gateway] = members
	}
	for id, until := range r.Away {
		if until <= now.UnixMilli() || r.isMember(id) {
			delete(r.Away, id)
			changed = true
		}
	}
	for id, until := range away {
		if !r.isMember(id) && until.After(now) && r.Away[id] != until.UnixMilli() {
			r.Away[id] = until.UnixMilli()
			changed = true
		}
	}
	return changed
}

// add gives a place to a socket of a gateway.
func (r *record) add(gateway, id string) {
	i, found := slices.BinarySearch(r.Members[gateway], id)
	if !found {
		r.Members[gateway] = slices.Insert(slices.Clone(r.Members[gateway]), i, id)
	}
	delete(r.Away, id)
}

// drop frees the places of a gateway.
func (r *record) drop(gateway string) { delete(r.Members, gateway) }

func (r *record) isMember(id string) bool {
	for _, members := range r.Members {
		if _, found := slices.BinarySearch(members, id); found {
			return true
		}
	}
	return false
}

// has reports whether a socket has a place, or one that waits for its client.
func (r *record) has(id string, now time.Time) bool {
	return r.isMember(id) || r.Away[id] > now.UnixMilli()
}

// taken returns the number of places that are taken or wait for somebody.
func (r *record) taken(now time.Time) int {
	ids := map[string]struct{}{}
	for _, members := range r.Members {
		for _, id := range members {
			ids[id] = struct{}{}
		}
	}
	for id, until := range r.Away {
		if until > now.UnixMilli() {
			ids[id] = struct{}{}
		}
	}
	return len(ids)
}
