// SPDX-License-Identifier: Apache-2.0

// Package forward lets any gateway of a service take any request, so that no load balancer need
// know which gateway has a client's session. A session's id names its owner, with a MAC that only
// the service's gateways can make. A poll, a post or an upgrade that reaches another gateway is
// forwarded to the owner, over a connection on which both prove by certificate that they belong to
// the service.
//
// The owner's name in an id is looked up among the live gateways. It is never an address: otherwise
// a client could make up an id that sends requests anywhere.
package forward
