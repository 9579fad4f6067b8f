// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"
	"slices"
)

// Broadcast is an emission to many in the making: To and Except narrow it, Emit sends it. Each step returns a new value, so
// that a half-made one can be kept. Safe for concurrent use.
type Broadcast struct {
	namespace *Namespace
	// rooms is nil for the whole namespace.
	rooms  []string
	except []string
}

// To adds rooms whose members are meant. A member of several gets the event once. To() without any
// room on a whole namespace aims at nobody, not at everybody.
func (b *Broadcast) To(rooms ...string) *Broadcast {
	next := *b
	next.rooms = appendNew(b.rooms, rooms)
	if next.rooms == nil {
		next.rooms = []string{}
	}
	return &next
}

// Except adds rooms whose members are left out. A socket's id is a room of its own.
func (b *Broadcast) Except(rooms ...string) *Broadcast {
	next := *b
	next.except = appendNew(b.except, rooms)
	return &next
}

// Emit sends an event. See NewArgs for values.
func (b *Broadcast) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return b.EmitArgs(event, args)
}

// EmitArgs is Emit with arguments that are encoded already.
func (b *Broadcast) EmitArgs(event string, args Args) error {
	if IsReservedEvent(event) {
		return fmt.Errorf("emit %s: %w", event, ErrReservedEvent)
	}
	if b.rooms != nil && len(b.rooms) == 0 {
		return nil
	}
	p := packet{typ: packetEvent, namespace: b.namespace.name, event: event, payload: args.list(), attachments: args.Attachments}
	e := p.encode()
	d := &Delivery{Text: e.text, Attachments: e.attachments, Rooms: b.rooms, Except: b.except}
	if err := b.namespace.adapter.Broadcast(d); err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return nil
}

// appendNew copies list and adds what it lacks, so that no two values share memory.
func appendNew(list, more []string) []string {
	if len(list)+len(more) == 0 {
		return nil
	}
	out := make([]string, len(list), len(list)+len(more))
	copy(out, list)
	for _, s := range more {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
