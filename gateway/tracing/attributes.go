// SPDX-License-Identifier: Apache-2.0

package tracing

// The names of spans.
const (
	// SpanHandshake is the request that begins a connection, up to its answer.
	SpanHandshake = "handshake"
	// SpanAuthenticate is the question who a client is, up to the verdict.
	SpanAuthenticate = "authenticate"
	// SpanEvent is a client's event, from its arrival to the end of its last handler.
	SpanEvent = "event"
	// SpanEmit is a program's request to emit an event, up to the answer.
	SpanEmit = "emit"
	// SpanPublish is an event on its way to other gateways or into the log: until it is queued for
	// NATS, or stored.
	SpanPublish = "publish"
	// SpanDeliver is an event of another gateway or of the log, until it is queued for each member
	// on this gateway.
	SpanDeliver = "deliver"
)

// The attributes of spans. These are all: what clients and programs send is in none of them.
const (
	// Namespace is the name of a namespace of the manifest, or "dynamic", since clients choose the
	// names of others.
	Namespace = "realtime.namespace"
	// Event is the name of an event in the manifest; absent for events without a handler of their
	// own.
	Event = "realtime.event"
	// Connection is the id of the connection in log lines; see Origin in package trace.
	Connection = "realtime.connection"
	// Transport is that of a handshake: polling, websocket or webtransport.
	Transport = "network.protocol.name"
	// Status is the status of an answer.
	Status = "http.response.status_code"
	// Entry is the entry of spec.authentication that has decided.
	Entry = "realtime.authentication.entry"
	// Result is that of an authentication: ok, anonymous, or why the client is refused.
	Result = "realtime.authentication.result"
	// Via is how a program's request has come: http or nats.
	Via = "realtime.via"
	// Rooms is how many rooms an event is for; 0 is the whole namespace.
	Rooms = "realtime.rooms"
	// Size is the size of an event as clients receive it, in bytes, without attachments.
	Size = "messaging.message.body.size"
)
