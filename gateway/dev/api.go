// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"crypto/rand"
	"fmt"
	"net"
	"strconv"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
)

// openAPI listens for programs that publish, if the manifest has spec.api. The Secret of spec.api
// exists only in a cluster; here the token is an option.
func (s *session) openAPI(svc *v1alpha1.RealtimeService) error {
	if svc.Spec.API == nil {
		return nil
	}
	if s.options.APIToken == "" {
		s.options.APIToken = rand.Text()
	}
	l, err := net.Listen("tcp", net.JoinHostPort(s.options.Host, strconv.Itoa(s.options.APIPort)))
	if err != nil {
		return fmt.Errorf("listen for programs that publish: %w", err)
	}
	s.api = l
	s.gateways[0].SetAPITokens([]byte(s.options.APIToken))
	return nil
}

func (s *session) greetPrograms(svc *v1alpha1.RealtimeService, natsURL string) {
	for i := range svc.Spec.Authentication {
		switch entry := &svc.Spec.Authentication[i]; {
		case entry.NATS != nil:
			s.say("A program says who clients are, for %s, over NATS at %s on %s", entry.Name, natsURL, entry.NATS.Subject)
		case entry.Webhook != nil && entry.Webhook.ServiceRef != nil:
			s.say("A program says who clients are, for %s, on port %d of this machine", entry.Name, entry.Webhook.ServiceRef.Port)
		}
	}
	if s.api == nil {
		return
	}
	s.say("Programs publish with the token %s at %sv1/namespaces/%%2F/emit", s.options.APIToken, browserURL(s.api.Addr()))
	s.say("  or over NATS at %s on %s", natsURL, publish.Subject(svc.Namespace+"/"+svc.Name))
}
