// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var _ socketio.WatchableRooms = (*adapter)(nil)

// Watch tells a watcher of the members on this gateway; see socketio.Rooms.
func (a *adapter) Watch(w socketio.RoomWatcher) { a.rooms.Watch(w) }

// Watcher returns the watcher that Watch has set.
func (a *adapter) Watcher() socketio.RoomWatcher { return a.rooms.Watcher() }

// presenceLink carries the messages about a namespace's rooms with presence (presence.Link).
type presenceLink struct{ a *adapter }

var _ presence.Link = presenceLink{}

// ID returns the id of this gateway.
func (l presenceLink) ID() string { return l.a.cluster.id }

// Connected reports whether NATS is connected.
func (l presenceLink) Connected() bool { return l.a.cluster.Connected() }

// Listen subscribes to the messages about a room, and to those for this gateway.
func (l presenceLink) Listen(room string) {
	l.a.subscriptions.want([]string{l.a.subjects.Presence(room), l.a.subjects.Members(l.a.cluster.id)})
}

// Unlisten ends the subscription after the linger.
func (l presenceLink) Unlisten(room string) {
	l.a.subscriptions.release(l.a.subjects.Presence(room), func() bool { return !l.a.presence.Holds(room) })
}

// Publish sends to the gateways with a member in the room.
func (l presenceLink) Publish(room string, data []byte) error {
	l.a.cluster.out.Send(l.a.subjects.Presence(room), data)
	return nil
}

// Send sends to one gateway.
func (l presenceLink) Send(gateway string, data []byte) error {
	l.a.cluster.out.Send(l.a.subjects.Members(gateway), data)
	return nil
}

// pagesAtOnce bounds the pages that are requested at once, each from all other gateways. Others
// wait.
const pagesAtOnce = 4

// Pages requests members from all other gateways.
func (l presenceLink) Pages(ctx context.Context, room, after string, limit int) ([]presence.Page, error) {
	select {
	case l.a.cluster.pages <- struct{}{}:
		defer func() { <-l.a.cluster.pages }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for other pages: %w", ctx.Err())
	}
	answers, err := l.a.askAll(ctx, &request{kind: requestPresence, rooms: []string{room}, event: after, count: uint64(limit)})
	pages := make([]presence.Page, 0, len(answers))
	for _, answer := range answers {
		var page presence.Page
		if e := json.Unmarshal(answer.JSON, &page); e != nil {
			return pages, fmt.Errorf("read the members of another gateway: %w", e)
		}
		pages = append(pages, page)
	}
	return pages, err
}

// answerPresence answers Pages.
func (a *adapter) answerPresence(r *request) error {
	if len(r.rooms) != 1 {
		return fmt.Errorf("%d rooms are asked for, not one", len(r.rooms))
	}
	page := a.presence.LocalPage(r.rooms[0], r.event, int(min(r.count, presence.MaxPage)))
	if page.Count == 0 {
		return nil
	}
	answer, err := json.Marshal(page)
	if err != nil {
		return fmt.Errorf("describe the members of a room: %w", err)
	}
	a.cluster.reply(r, answerPart, socketio.Args{JSON: answer}, 0)
	return nil
}

// receivePresence handles a message of another gateway about a room's members. It runs in
// membership's goroutine.
func (a *adapter) receivePresence(msg *nats.Msg) {
	if err := a.presence.Receive(msg.Data); err != nil {
		a.cluster.malformed(msg, err)
		return
	}
	a.cluster.metrics.received.Inc()
}

// trackers returns the trackers of all namespaces.
func (c *Cluster) trackers() []*presence.Tracker {
	namespaces := c.namespaces()
	trackers := make([]*presence.Tracker, 0, len(namespaces))
	for _, a := range namespaces {
		trackers = append(trackers, a.presence)
	}
	return trackers
}

func (c *Cluster) presenceBeat(now time.Time) {
	for _, t := range c.trackers() {
		t.Beat(now)
	}
	c.placesBeat(now)
}

func (c *Cluster) presenceLost(id string) {
	for _, t := range c.trackers() {
		t.Lost(id)
	}
}

func (c *Cluster) presenceReconnected() {
	for _, t := range c.trackers() {
		t.Reconnected()
	}
}

func (c *Cluster) presenceSize() (rooms, members int) {
	for _, t := range c.trackers() {
		r, m := t.Size()
		rooms, members = rooms+r, members+m
	}
	return rooms, members
}
