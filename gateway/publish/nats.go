// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"fmt"
	"strings"
)

// queueGroup is that of a service's gateways: NATS gives each request to one of them.
const queueGroup = "gateways"

// Subject is where programs send what a service's gateways are to emit. Service is namespace/name,
// both of which are DNS labels, so that they are tokens as they are.
func Subject(service string) string {
	return "realtime.emit." + strings.Replace(service, "/", ".", 1)
}

// ServeNATS answers what comes in at a service's Subject, until StopNATS is called. The document
// names the namespace.
func (s *Server) ServeNATS(service string) (err error) {
	s.leave, err = s.Cluster.ServeQueue(Subject(service), queueGroup, func(ctx context.Context, data []byte, reply func([]byte)) {
		s.publish(ctx, viaNATS, data, "", func(_ int, a answer) { reply(a.encode()) })
	})
	if err != nil {
		return fmt.Errorf("serve programs over NATS: %w", err)
	}
	return nil
}

// StopNATS leaves what comes over NATS to the other gateways. What it returns is closed when all
// that had come in is answered. ServeNATS must have been called; StopNATS may be called again.
func (s *Server) StopNATS() <-chan struct{} { return s.leave() }
