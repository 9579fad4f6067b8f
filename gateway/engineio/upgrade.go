// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

// While a connection probes, a pending poll is answered with a noop, so that the client can stop
// polling: soon after the probe, and again for a client that polled once more.
const (
	firstNoop   = 20 * time.Millisecond
	noopsPeriod = 100 * time.Millisecond
)

// maxProbes limits the probes of one connection. Clients send one; each costs a write of its own.
const maxProbes = 8

var (
	errNoProbe       = errors.New("websocket did not probe before the upgrade")
	errTooManyProbes = fmt.Errorf("websocket probed more than %d times", maxProbes)
	errUpgradeClosed = errors.New("session ended during the upgrade")

	probeData   = []byte("probe")
	probeAnswer = newTextPacket(packet.Pong, probeData)
)

// upgrade is a WebSocket or WebTransport connection that is about to replace the polling of a
// session (Engine.IO protocol v4, "Upgrade"). It does not affect the session until the client sends
// the upgrade packet: after an earlier failure, polling continues.
type upgrade struct {
	stream streamTransport
	// probes is the number of answered probes. Only the reader of the stream uses it.
	probes int
	// noops answers pending polls once the client has probed. The session's lock guards it.
	noops *time.Timer
}

// abort ends the probing connection. The session's lock is held.
func (u *upgrade) abort() {
	if u != nil {
		u.stream.shared().interrupt()
	}
}

// serveUpgrade accepts a WebSocket for an open session. If the session cannot be upgraded, it sends
// a close frame, since some clients do not handle the error of a refused handshake.
func (s *Session) serveUpgrade(w http.ResponseWriter, req *request.Request) {
	ws, err := s.server.upgradeToWebSocket(w, req, s.config)
	if err != nil {
		return
	}
	s.tryUpgrade(ws)
}

// tryUpgrade begins an upgrade, or closes the connection.
func (s *Session) tryUpgrade(l streamTransport) (begun bool) {
	d := l.shared()
	d.conn.SetDeadline(time.Now().Add(s.config.UpgradeTimeout))
	u := &upgrade{stream: l}
	if !s.beginUpgrade(u) {
		l.refuse()
		return false
	}
	d.session, d.upgrade = s, u
	l.begin()
	return true
}

// beginUpgrade registers the connection, unless another one is probing.
func (s *Session) beginUpgrade(u *upgrade) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateOpen || s.upgrade != nil || s.transport.name() != Polling || s.config.NoUpgrades {
		return false
	}
	s.upgrade = u
	s.tasks++
	return true
}

// probed handles a packet of a probing connection. An error ends only that connection.
func (s *Session) probed(u *upgrade, p packet.Packet, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("read probe: %w", err)
	case p.Type == packet.Ping && string(p.Data) == string(probeData):
		if u.probes++; u.probes > maxProbes {
			return errTooManyProbes
		}
		d := u.stream.shared()
		if _, err := d.conn.Write(d.encode(probeAnswer)); err != nil {
			return fmt.Errorf("answer probe: %w", err)
		}
		s.startNoops(u)
		return nil
	case p.Type == packet.Upgrade && u.probes > 0:
		if err := s.completeUpgrade(u); err != nil {
			return err
		}
		s.tellUpgraded()
		return nil
	}
	return errNoProbe
}

// tellUpgraded notifies the handler of the new transport.
func (s *Session) tellUpgraded() {
	s.dispatching.Lock()
	defer s.dispatching.Unlock()
	if l, ok := s.handler.(UpgradeListener); ok && s.isOpen() {
		s.guard("OnUpgrade", func() { l.OnUpgrade(s.Transport()) })
	}
}

func (s *Session) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == stateOpen
}

func (s *Session) startNoops(u *upgrade) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.noops == nil {
		u.noops = time.AfterFunc(firstNoop, func() { s.sendNoop(u) })
	}
}

func (s *Session) sendNoop(u *upgrade) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.transport.(*polling)
	if s.upgrade != u || !ok {
		return
	}
	p.answer(pollAnswer{messages: []*Message{noopPacket}})
	u.noops.Reset(noopsPeriod)
}

// completeUpgrade makes the connection the transport of the session, and sends queued messages.
func (s *Session) completeUpgrade(u *upgrade) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelUpgrade(u)
	if s.state == stateClosed {
		return errUpgradeClosed
	}
	// Clients stop polling before they send the upgrade packet; this is for those that do not.
	s.transport.(*polling).detach()
	d := u.stream.shared()
	d.upgrade = nil
	s.setTransport(u.stream)
	if s.state == stateClosing {
		s.transport.shutdown(closeGraceful)
		return nil
	}
	d.conn.SetDeadline(time.Time{})
	s.flush()
	return nil
}

// cancelUpgrade ends the upgrade. The lock is held.
func (s *Session) cancelUpgrade(u *upgrade) {
	s.upgrade = nil
	if u.noops != nil {
		u.noops.Stop()
	}
}
