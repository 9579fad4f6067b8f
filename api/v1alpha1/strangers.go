// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "time"

// The defaults for connections that are in no namespace. Where anybody may be in one, bounds on
// those that are not keep nobody out.
const (
	defaultConnectTimeout  = 45 * time.Second
	strangerConnectTimeout = 10 * time.Second
	strangersPerAddress    = 100
)

// AsksEveryClient reports whether all namespaces ask who a client is.
func (s *RealtimeServiceSpec) AsksEveryClient() bool {
	for i := range s.Namespaces {
		if ns := &s.Namespaces[i]; len(ns.Authentication) == 0 || ns.Anonymous {
			return false
		}
	}
	for i := range s.DynamicNamespaces {
		if ns := &s.DynamicNamespaces[i]; len(ns.Authentication) == 0 || ns.Anonymous {
			return false
		}
	}
	return len(s.Namespaces)+len(s.DynamicNamespaces) > 0
}

// ConnectTimeout is how long a connection may be in no namespace.
func (s *RealtimeServiceSpec) ConnectTimeout() time.Duration {
	switch {
	case s.Protocol.ConnectTimeout.Duration != 0:
		return s.Protocol.ConnectTimeout.Duration
	case s.AsksEveryClient():
		return strangerConnectTimeout
	}
	return defaultConnectTimeout
}

// ConnectionsPerAddress is how many connections an address may have to a gateway, 0 for any number.
func (s *RealtimeServiceSpec) ConnectionsPerAddress() int {
	return valueOr(s.Limits.PerAddress.Connections, 0)
}

// UnauthenticatedPerAddress is how many of these may be in no namespace, 0 for any number. Without
// trustedProxies a gateway may see all clients at one address, that of a proxy, and a few strangers
// would then keep everybody out: so there is no limit unless the manifest has one.
func (s *RealtimeServiceSpec) UnauthenticatedPerAddress() int {
	limit := 0
	if s.AsksEveryClient() && len(s.Protocol.TrustedProxies) > 0 {
		limit = strangersPerAddress
	}
	return valueOr(s.Limits.PerAddress.Unauthenticated, limit)
}
