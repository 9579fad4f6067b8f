// SPDX-License-Identifier: Apache-2.0

// Package ext is what Traefik's editions add to routers. Its module has no release; the open source
// edition adds nothing.
package ext

// HTTP adds to the configuration of HTTP.
type HTTP struct{}

// Router adds to that of a router.
type Router struct{}
