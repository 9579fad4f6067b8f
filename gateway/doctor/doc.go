// SPDX-License-Identifier: Apache-2.0

// Package doctor examines a service from where its clients are: through every proxy, load balancer
// and CDN on the way. It does what a client does (polls, upgrades, is silent, sends the largest
// payload), and for what does not get through it names the setting to change, of the proxy that has
// answered if that tells its name.
//
// It needs nothing but the URL of the service, and works with any server that speaks Engine.IO 4
// (https://github.com/socketio/engine.io-protocol).
//
// doctor.go has the examinations in their order. Each is a function in a file of its own that
// returns findings; session.go and websocket.go are the client, proxy.go knows the proxies.
package doctor
