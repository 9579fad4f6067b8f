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
var errJoins = errors.New("the connection has joined too many rooms in too short a time")

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
		return fmt.Errorf("join: %w", errJoins)
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
