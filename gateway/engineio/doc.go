// SPDX-License-Identifier: Apache-2.0

// Package engineio serves Engine.IO, revision 4 of the protocol and, if configured, revision 3:
// sessions that begin with long-polling, WebSocket or WebTransport, upgrade from the first to one of
// the others, and are kept alive by heartbeats. It carries messages and reads none of them.
//
// The specification is https://github.com/socketio/engine.io-protocol. Where it is silent, the
// package does as the reference implementation does, and says where it does not.
//
// # Where things are
//
// A request goes through server.go, middleware.go and request.go (which session is it for, or why is
// it refused: refusal.go) to polling.go (poll.go for a GET, post.go for a POST), websocket.go or
// webtransport.go; upgrade.go moves a session from the first to the others. duplex.go and write.go
// are what WebSocket and WebTransport share. What a client sends goes to dispatch.go and from there
// to the Handler. What it is sent goes by send.go into the session's queue (internal/sendqueue), and from there to the
// transport. close.go lists the ways in which a session ends.
//
// A session's lock guards its state, its queue and its transport, and is never held while a Handler
// is called or the network is waited for. It is taken before the server's lock, never after it.
//
// The internal packages know no sessions: websocket, packet and wireform are the wire formats, batch
// and sendqueue what waits for a client, request, httpx and refusals plain HTTP, heartbeat, patience,
// ratelimit and timingwheel are about time, and netpoll reads and writes sockets by epoll. The public
// ones, affinity, cors and handshake, are parts of the configuration and of a session's description.
package engineio
