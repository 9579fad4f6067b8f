// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
)

// errJoins stops clients that join and leave rooms as fast as they can.
var errJoins = errors.New("join: the connection has joined too many rooms in too short a time")

func compileJoin(e v1alpha1.Expression) (step, error) {
	names, err := eval.CompileRoomNames(string(e))
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	return func(r *run) error {
		rooms, err := r.Rooms(names)
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		return r.join(rooms)
	}, nil
}

func compileLeave(e v1alpha1.Expression) (step, error) {
	names, err := eval.CompileRoomNames(string(e))
	if err != nil {
		return nil, fmt.Errorf("leave: %w", err)
	}
	return func(r *run) error {
		rooms, err := r.Rooms(names)
		if err != nil {
			return fmt.Errorf("leave: %w", err)
		}
		if err := r.judge().allows(accessLeave, rooms...); err != nil {
			return fmt.Errorf("leave: %w", err)
		}
		for _, room := range rooms {
			r.Socket.Leave(room)
		}
		return nil
	}, nil
}

// join puts the socket into rooms.
func (r *run) join(rooms []string) error {
	if !r.Socket.TakeJoins(rooms...) {
		return errJoins
	}
	if !r.Socket.JoinWaits(rooms...) {
		return ignoreDisconnected(r.Socket.Join(rooms...))
	}
	var err error
	return r.await(&pending{
		wait: func(context.Context) { err = ignoreDisconnected(r.Socket.Join(rooms...)) },
		then: func(*run) error { return err },
	})
}

// joinAll puts the socket into those rooms of autoJoin in which it may be.
func (c *client) joinAll(ns *namespace) error {
	if !ns.rooms.conditions[accessJoin] {
		return ignoreDisconnected(c.socket.Join(ns.rooms.autoJoin...))
	}
	for _, room := range ns.rooms.autoJoin {
		err := ignoreDisconnected(c.socket.Join(room))
		if refused := (*forbiddenError)(nil); err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return nil
}

// failedAutoJoin is the kind of log lines of the namespaces of a label whose autoJoin fails.
type failedAutoJoin string

// autoJoin puts the socket into the rooms that each socket of the namespace joins.
func (c *client) autoJoin(b *binding) {
	err := c.joinAll(b.namespace)
	if err == nil {
		return
	}
	b.failures.Inc()
	log := c.runtime.log.With("namespace", b.label)
	c.runtime.logLimit.Log(failedAutoJoin(b.label),
		func() {
			log.Warn("a socket does not join the rooms of autoJoin", "socket", c.socket.LogID(), "error", err)
		},
		func(more int) {
			log.Warn(fmt.Sprintf("a socket does not join the rooms of autoJoin: %d more in the last minute", more))
		})
}
