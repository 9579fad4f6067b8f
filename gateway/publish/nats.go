// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"fmt"
	"strings"
)

// queueGroup is the queue group of a service's gateways: NATS delivers each request to one of them.
const queueGroup = "gateways"

// Subject returns the subject to which programs send publish requests for a service. Service is
// namespace/name, both of which are DNS labels, so that they are valid tokens.
func Subject(service string) string {
	return "realtime.emit." + strings.Replace(service, "/", ".", 1)
}

// ServeNATS answers requests on a service's Subject and RevocationSubject, until StopNATS is
// called. A document to emit names the namespace.
func (s *Server) ServeNATS(service string) (err error) {
	s.leave, err = s.Cluster.ServeQueue(Subject(service), queueGroup, func(ctx context.Context, data []byte, reply func([]byte)) {
		s.publish(ctx, viaNATS, data, "", func(_ int, a answer) { reply(a.encode()) })
	})
	if err != nil {
		return fmt.Errorf("serve programs over NATS: %w", err)
	}
	if s.leaveRevocations, err = s.Cluster.ServeQueue(RevocationSubject(service), queueGroup, s.revokeByNATS); err != nil {
		return fmt.Errorf("serve programs that revoke tokens over NATS: %w", err)
	}
	return nil
}

// StopNATS leaves requests over NATS to the other gateways. It returns a channel that is closed
// when all requests that had arrived are answered. ServeNATS must have been called; StopNATS may be
// called again.
func (s *Server) StopNATS() <-chan struct{} {
	published, revoked, answered := s.leave(), s.leaveRevocations(), make(chan struct{})
	go func() {
		defer close(answered)
		<-published
		<-revoked
	}()
	return answered
}
