// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
)

// The places where a panic ends one client, for Config.OnPanic.
const (
	placeHandler   = "handler"
	placeTransport = "transport"
	placeWrite     = "write"
	placeHeartbeat = "heartbeat"
	placeRequest   = "request"
)

// PanicPlaces lists the places for Config.OnPanic.
func PanicPlaces() []string {
	return []string{placeHandler, placeTransport, placeWrite, placeHeartbeat, placeRequest}
}

// panicked reports a panic that a deferred function has recovered. It returns the error for
// OnClose.
func (s *Session) panicked(place string, value any) error {
	s.server.panics.Tell(place, value, "connection", s.LogID())
	return fmt.Errorf("%s panicked: %v", place, value)
}

// stopPanic ends the session whose code panics. It must be deferred before the session's lock is
// taken.
func (s *Session) stopPanic(place string) {
	if value := recover(); value != nil {
		s.close(ReasonTransportError, s.panicked(place, value), closeBroken)
	}
}

// stopRequest is stopPanic for a request of the session, which cannot be answered any more.
func (s *Session) stopRequest() {
	value := recover()
	if value == nil {
		return
	}
	if !panics.IsAbort(value) {
		s.close(ReasonTransportError, s.panicked(placeRequest, value), closeBroken)
	}
	panic(http.ErrAbortHandler)
}

// flush makes the transport send. The lock is held. A panic ends this session rather than the one
// that sends the event.
func (s *Session) flush() {
	defer func() {
		if value := recover(); value != nil {
			if l, ok := s.transport.(streamTransport); ok {
				l.shared().left.End() // or the next flush would panic, too
			}
			s.closeLocked(ReasonTransportError, s.panicked(placeWrite, value), closeBroken)
		}
	}()
	s.transport.flush()
}
