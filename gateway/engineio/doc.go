// SPDX-License-Identifier: Apache-2.0

// Package engineio serves Engine.IO, revision 4 of the protocol and, if configured, revision 3:
// sessions that begin with long-polling, WebSocket or WebTransport, upgrade from long-polling to
// one of the others, and are kept alive by heartbeats. It transports messages without interpreting
// them.
//
// The specification is https://github.com/socketio/engine.io-protocol. Where it is silent, the
// package follows the reference implementation, and says where it does not.
//
// # Where things are
//
// A request passes through server.go, middleware.go and request.go, which finds its session or the
// reason to refuse it (refusal.go), to polling.go (poll.go for a GET, post.go for a POST),
// websocket.go or webtransport.go. upgrade.go moves a session from polling to another transport.
// duplex.go and write.go are common to WebSocket and WebTransport. Packets from the client go to
// dispatch.go and from there to the Handler. Messages to the client go through send.go into the
// queue of the session (internal/sendqueue), and from there to the transport. close.go lists the
// ways in which a session ends.
//
// The lock of a session guards its state, its queue and its transport. It is never held during a
// call of a Handler or while waiting for the network. It is taken before the lock of the server,
// never after it.
//
// The internal packages do not know sessions. websocket, packet and wireform are the wire formats;
// sendqueue and batch are the messages that wait for a client, and how they are written; request,
// httpx and refusals are plain HTTP; heartbeat, patience, ratelimit and timingwheel are about time;
// lazycontext is the context of a session; netpoll reads and writes sockets with epoll. The public
// packages affinity, cors and handshake define parts of the configuration and of the description of
// a session.
package engineio
