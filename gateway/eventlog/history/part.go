// SPDX-License-Identifier: Apache-2.0

package history

import (
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

// Part is a part of a room's history, by the sequences of its first and its last event.
type Part struct {
	Room        *Room
	First, Last uint64
}

// Name returns the name of the room.
func (r *Room) Name() string { return r.room }

// AppendPart appends the messages of a part that are still there. It returns false if the room was
// evicted.
func (r *Room) AppendPart(to []*eventlog.Message, part Part) ([]*eventlog.Message, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(to, part.Of(r.messages)...), !r.isEvicted
}

// Of returns the messages that belong to the part.
func (p Part) Of(messages []*eventlog.Message) []*eventlog.Message {
	first, _ := slices.BinarySearchFunc(messages, p.First, compareStored)
	end, _ := slices.BinarySearchFunc(messages, p.Last+1, compareStored)
	return messages[first:end]
}

// InOrder sorts events by sequence. An event for several rooms appears once.
func InOrder(events []*eventlog.Message) []*eventlog.Message {
	slices.SortFunc(events, func(a, b *eventlog.Message) int { return compareStored(a, b.Sequence) })
	return slices.CompactFunc(events, func(a, b *eventlog.Message) bool { return a.Sequence == b.Sequence })
}

// Find returns the index of the message with a sequence, if it is there.
func Find(messages []*eventlog.Message, sequence uint64) (index int, found bool) {
	return slices.BinarySearchFunc(messages, sequence, compareStored)
}
