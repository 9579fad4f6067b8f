// SPDX-License-Identifier: Apache-2.0

// Package clientaddr finds out the addresses of clients behind proxies: from X-Forwarded-For, and
// from the PROXY protocol. Only proxies that are trusted are believed, and of what they send only
// what they have written themselves; docs/decisions/0057 has the reasons.
//
// The address becomes the RemoteAddr of the request, with the port of the proxy's connection. All
// that follows, forwarding to other gateways included, needs no knowledge of proxies.
package clientaddr
