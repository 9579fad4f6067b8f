// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"
	"fmt"
)

// ParentBroadcast aims at sockets of all namespaces of a parent that are there on this server when the event is emitted; those
// of one namespace are reached on all servers. Each step returns a new value. Safe for concurrent use.
type ParentBroadcast struct {
	parent *ParentNamespace
	// of has no namespace: it is that of the next one.
	of Broadcast
}

func (p *ParentNamespace) everyone() *ParentBroadcast { return &ParentBroadcast{parent: p} }

// Emit sends an event to all sockets of the parent's namespaces; see ParentBroadcast.Emit.
func (p *ParentNamespace) Emit(event string, values ...any) error {
	return p.everyone().Emit(event, values...)
}

// To aims at the members of rooms, in each of the namespaces.
func (p *ParentNamespace) To(rooms ...string) *ParentBroadcast { return p.everyone().To(rooms...) }

// In is To.
func (p *ParentNamespace) In(rooms ...string) *ParentBroadcast { return p.everyone().To(rooms...) }

// Except aims at everybody but the members of rooms.
func (p *ParentNamespace) Except(rooms ...string) *ParentBroadcast {
	return p.everyone().Except(rooms...)
}

// Local aims at the sockets of this server.
func (p *ParentNamespace) Local() *ParentBroadcast { return p.everyone().Local() }

// Volatile makes an event that may be lost; see Broadcast.Volatile.
func (p *ParentNamespace) Volatile() *ParentBroadcast { return p.everyone().Volatile() }

// Compress allows or forbids compression; see Broadcast.Compress.
func (p *ParentNamespace) Compress(allowed bool) *ParentBroadcast {
	return p.everyone().Compress(allowed)
}

// To adds rooms whose members are meant; see Broadcast.To.
func (b *ParentBroadcast) To(rooms ...string) *ParentBroadcast { return b.with(b.of.To(rooms...)) }

// In is To.
func (b *ParentBroadcast) In(rooms ...string) *ParentBroadcast { return b.To(rooms...) }

// Except adds rooms whose members are left out.
func (b *ParentBroadcast) Except(rooms ...string) *ParentBroadcast {
	return b.with(b.of.Except(rooms...))
}

// Local aims at the sockets of this server alone.
func (b *ParentBroadcast) Local() *ParentBroadcast { return b.with(b.of.Local()) }

// Volatile makes an event that may be lost; see Broadcast.Volatile.
func (b *ParentBroadcast) Volatile() *ParentBroadcast { return b.with(b.of.Volatile()) }

// Compress allows or forbids compression; see Broadcast.Compress.
func (b *ParentBroadcast) Compress(allowed bool) *ParentBroadcast {
	return b.with(b.of.Compress(allowed))
}

func (b *ParentBroadcast) with(of *Broadcast) *ParentBroadcast {
	return &ParentBroadcast{parent: b.parent, of: *of}
}

// Emit sends an event. Its error is that of Broadcast.Emit for each namespace in which it has failed; the others have got the
// event. See NewArgs for values.
func (b *ParentBroadcast) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return b.EmitArgs(event, args)
}

// EmitArgs is Emit with arguments that are encoded already.
func (b *ParentBroadcast) EmitArgs(event string, args Args) error {
	var errs []error
	for _, ns := range b.parent.Children() {
		one := b.of
		one.namespace = ns
		if err := one.EmitArgs(event, args); err != nil {
			errs = append(errs, fmt.Errorf("namespace %s: %w", ns.name, err))
		}
	}
	return errors.Join(errs...)
}
