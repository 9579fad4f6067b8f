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

// While a websocket probes, a poll that waits is sent away, so that the client can stop polling: soon after the
// probe, and again for a client that polled once more.
const (
	firstNoop   = 20 * time.Millisecond
	noopsPeriod = 100 * time.Millisecond
)

var (
	errNoProbe       = errors.New("websocket did not probe before the upgrade")
	errUpgradeClosed = errors.New("session ended during the upgrade")

	probeData   = []byte("probe")
	probeAnswer = newTextPacket(packet.Pong, probeData)
)

// upgrade is a websocket or WebTransport connection that is about to replace a session's polling (Engine.IO protocol v4, "Upgrade").
// Nothing of it touches the session until the client sends the upgrade packet: whatever fails before, polling goes on.
type upgrade struct {
	stream streamTransport
	// probed: the client has sent its ping, which was answered. The stream's reader alone uses it.
	probed bool
	// noops sends polls away, once the client has probed. The session's lock guards it.
	noops *time.Timer
}

// abort ends the probing connection. The session's lock is held.
func (u *upgrade) abort() {
	if u != nil {
		u.stream.shared().interrupt()
	}
}

// serveUpgrade takes a websocket connection for a session that lives. One that cannot be upgraded is told so by a close
// frame, since a refused handshake is an error to some clients that nothing handles.
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

// beginUpgrade registers the connection, if there is none that probes already.
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

// probed takes what a connection that probes brings. Its error ends that connection, and nothing else.
func (s *Session) probed(u *upgrade, p packet.Packet, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("read probe: %w", err)
	case p.Type == packet.Ping && string(p.Data) == string(probeData):
		d := u.stream.shared()
		if _, err := d.conn.Write(d.encode(probeAnswer)); err != nil {
			return fmt.Errorf("answer probe: %w", err)
		}
		s.startNoops(u)
		u.probed = true
		return nil
	case p.Type == packet.Upgrade && u.probed:
		if err := s.completeUpgrade(u); err != nil {
			return err
		}
		s.tellUpgraded()
		return nil
	}
	return errNoProbe
}

// tellUpgraded tells the handler of the transport that the session has now.
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

// completeUpgrade makes the websocket the session's transport. What waits goes out over it.
func (s *Session) completeUpgrade(u *upgrade) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelUpgrade(u)
	if s.state == stateClosed {
		return errUpgradeClosed
	}
	// A client stops polling before it asks for the upgrade, so this is for one that does not.
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

// cancelUpgrade forgets an upgrade. The lock is held.
func (s *Session) cancelUpgrade(u *upgrade) {
	s.upgrade = nil
	if u.noops != nil {
		u.noops.Stop()
	}
}
