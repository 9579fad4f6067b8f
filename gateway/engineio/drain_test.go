// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestDrain(t *testing.T) {
	const over = 400 * time.Millisecond
	s := enginetest.Start(t)
	var sockets []*enginetest.Socket
	var sessions []*enginetest.Session
	for range 20 {
		socket, session, _ := s.WebSocket()
		sockets, sessions = append(sockets, socket), append(sessions, session)
	}
	p := s.Poll()
	answer := p.StartGet()
	sessions = append(sessions, p.Session)

	begun := time.Now()
	drained := make(chan error, 1)
	s.Engine.Refuse() // at once, or the next handshake may open one more session
	go func() { drained <- s.Engine.Drain(t.Context(), engineio.Pace{Within: over}) }()
	if a := s.Do("GET", polling, ""); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("polling handshake answered %d", a.Status)
	}
	if socket, a := s.TryDial(websocket); socket != nil || a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("websocket handshake answered %d", a.Status)
	}

	closed := make(chan time.Duration, len(sockets))
	for _, socket := range sockets {
		go func() {
			socket.WantClosed(1005) // and nothing before it
			closed <- time.Since(begun)
		}()
	}
	early := 0
	for range sockets {
		if at := <-closed; at < over/2 {
			early++
		}
	}
	if early < len(sockets)/4 || early > len(sockets)*3/4 {
		t.Errorf("%d of %d clients were sent away in the first half of the time", early, len(sockets))
	}
	p.Answer(answer).Want(t, http.StatusServiceUnavailable, `{"code":4,"message":"Server is shutting down"}`)
	for _, session := range sessions {
		session.WantClosed(engineio.ReasonServerShuttingDown)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if n := s.Engine.Len(); n != 0 {
		t.Errorf("%d sessions left", n)
	}
}

func TestDrainingServerGoesOnServing(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan error, 1)
	s.Engine.Refuse()
	go func() { drained <- s.Engine.Drain(ctx, engineio.Pace{Within: time.Hour}) }()
	p.WantAlive()
	wantEcho(t, upgraded(t, s, p))
	cancel()
	if err := <-drained; !errors.Is(err, context.Canceled) {
		t.Errorf("drain: %v", err)
	}
	p.WantOpen()
}

func TestDrainWaitsForWhatWasSent(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	p.Send(engineio.NewText([]byte("last words")))
	drained := make(chan error, 1)
	go func() { drained <- s.Engine.Drain(t.Context(), engineio.Pace{}) }()
	p.WantClosed(engineio.ReasonServerShuttingDown)
	if a := s.Do("GET", polling, ""); a.Status != http.StatusServiceUnavailable {
		t.Errorf("a handshake during Drain was answered %d", a.Status)
	}
	p.Get().Want(t, http.StatusOK, "4last words")
	p.Get().Want(t, http.StatusServiceUnavailable, `{"code":4,"message":"Server is shutting down"}`)
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
