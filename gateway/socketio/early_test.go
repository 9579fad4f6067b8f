// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestWhatMiddlewaresEmitFollowsTheConnect(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Use(func(s *socketio.Socket) error {
		if err := errors.Join(s.Emit("first", 1), s.Volatile().Emit("second", []byte{2})); err != nil {
			t.Error(err)
		}
		if _, err := s.EmitWithAck(t.Context(), "asked"); !errors.Is(err, socketio.ErrDisconnected) {
			t.Errorf("ask a client that is not connected: %v", err)
		}
		return nil
	})
	io.OnConnection(func(s *socketio.Socket) { s.Emit("third") })
	c := wiretest.Dial(t, url, path, "", nil)
	c.Join("/")
	c.Expect(`42["first",1]`, `451-["second",{"_placeholder":true,"num":0}]`, `binary [2]`, `42["third"]`)
}

func TestWhatMiddlewaresEmitIsDroppedWithARefusal(t *testing.T) {
	io, url := server(t, socketio.Options{})
	outcomes := make(chan error, 1)
	io.Use(func(s *socketio.Socket) error {
		var receipt socketio.Receipt
		if err := s.Volatile().Receipt(&receipt).Emit("hello"); err != nil {
			t.Error(err)
		}
		receipt.Notify(func(err error) { outcomes <- err })
		return errors.New("no")
	})
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40`)
	c.Expect(`44{"message":"no"}`)
	if err := <-outcomes; !errors.Is(err, socketio.ErrDisconnected) {
		t.Errorf("outcome %v", err)
	}
}

func TestMiddlewareThatEmitsWithoutEndIsTold(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Use(func(s *socketio.Socket) error {
		for range 1024 {
			if err := s.Emit("x"); err != nil {
				t.Error(err)
			}
		}
		return s.Emit("x")
	})
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40`)
	c.Expect(`44{"message":"emit x: socket is disconnected"}`)
}
