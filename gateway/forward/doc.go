// SPDX-License-Identifier: Apache-2.0

// Package forward lets any gateway of a service take any request, so that no load balancer need
// know which gateway has a client's session. A session's id names its owner, with a MAC that only
// the service's gateways can make; a poll, a post or an upgrade that reaches another gateway goes
// on to the owner, over a connection on which both prove by certificate that they are of the
// service.
//
// The owner's name in an id is looked up among the gateways that are there. It is never an address:
// whoever made the id up could have requests sent anywhere.
package forward
