// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/places"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var _ places.Kept = (*adapter)(nil)

// Places returns what keeps the places of the namespace's rooms; nil without recovery.
func (a *adapter) Places() *places.Keeper { return a.places }

// Observe tells one more watcher of the members on this gateway; see socketio.Rooms.
func (a *adapter) Observe(w socketio.RoomWatcher) { a.rooms.Observe(w) }

// placesLink carries the records of a namespace's rooms (places.Link).
type placesLink struct {
	c         *Cluster
	namespace string
}

// ID returns the id of this gateway.
func (l placesLink) ID() string { return l.c.id }

// Read reads a record from the log's leader.
func (l placesLink) Read(ctx context.Context, room string) ([]byte, uint64, error) {
	m, err := l.c.events.Latest(ctx, l.subject(room))
	if errors.Is(err, eventlog.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the places of a room: %w", err)
	}
	return m.Data, m.Sequence, nil
}

// ReadAll reads records from any server that has the log.
func (l placesLink) ReadAll(ctx context.Context, rooms []string, each func(room string, data []byte, revision uint64)) error {
	subjects, names := make([]string, len(rooms)), make(map[string]string, len(rooms))
	for i, room := range rooms {
		subjects[i] = l.subject(room)
		names[subjects[i]] = room
	}
	if len(subjects) == 0 {
		return nil
	}
	err := l.c.events.LatestOf(ctx, subjects, func(m eventlog.Message) { each(names[m.Subject], m.Data, m.Sequence) })
	if err != nil {
		return fmt.Errorf("read the places of rooms: %w", err)
	}
	return nil
}

// Write replaces a record.
func (l placesLink) Write(ctx context.Context, room string, data []byte, revision uint64) (uint64, error) {
	next, err := l.c.events.Swap(ctx, l.subject(room), data, revision)
	if errors.Is(err, eventlog.ErrSwapped) {
		return 0, places.ErrChanged
	}
	if err != nil {
		return 0, fmt.Errorf("write the places of a room: %w", err)
	}
	return next, nil
}

func (l placesLink) subject(room string) string {
	return wire.PlacesSubject(l.c.service, l.namespace, room)
}

// IsLost reports whether another gateway is not alive.
func (l placesLink) IsLost(ctx context.Context, gateway string) bool {
	return l.c.peers.IsLost(ctx, gateway)
}

// Away returns how long clients may be away, and Keeps how long a record is kept.
func (l placesLink) Away() time.Duration  { return l.c.away }
func (l placesLink) Keeps() time.Duration { return l.c.events.Keeps() }

// Go and Life are those of the gateway.
func (l placesLink) Go(f func())           { l.c.done.Go(f) }
func (l placesLink) Life() context.Context { return l.c.life }

func (c *Cluster) placesBeat(now time.Time) {
	for _, a := range c.namespaces() {
		a.places.Beat(now)
	}
}

func (c *Cluster) recheckPlaces() {
	for _, a := range c.namespaces() {
		a.places.Recheck()
	}
}
