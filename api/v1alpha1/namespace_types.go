// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Namespace is a Socket.IO namespace and its handlers.
type Namespace struct {
	// name that clients connect to, "/" or "/chat".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^/[^,?#\s]*$`
	Name string `json:"name,omitempty"`

	// authentication names the entries of spec.authentication that say who a client is. The first
	// that recognizes the client's token decides. If absent, everybody may connect, and is
	// anonymous.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	Authentication []string `json:"authentication,omitempty"`

	// anonymous also admits clients that show no token. One whose token is refused is not admitted.
	// +optional
	Anonymous bool `json:"anonymous,omitempty"`

	// addressUsers lets handlers emit to users by name, and programs publish to them. Each user
	// with a client costs its gateway a subscription. If absent, it is true if a handler has `to:
	// user`, or the service has spec.api.
	// +optional
	AddressUsers *bool `json:"addressUsers,omitempty"`

	// rooms are rules for rooms by their name. The first rule that matches a room applies.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Rooms []RoomRule `json:"rooms,omitempty"`

	// handlers of events, in order. Every handler whose event matches runs.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Handlers []Handler `json:"handlers,omitempty"`
}

// DynamicNamespace describes all Socket.IO namespaces whose name matches a pattern. Each is a
// namespace with rooms of its own; they share the handlers.
type DynamicNamespace struct {
	// pattern that the whole name must match, such as `/orders/(?P<id>[0-9]+)`, in the syntax of
	// RE2 (https://github.com/google/re2/wiki/Syntax). The match of a named group is available as
	// socket.params.id.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/`
	Pattern string `json:"pattern,omitempty"`

	// authentication names the entries of spec.authentication that say who a client is. The first
	// that recognizes the client's token decides. If absent, everybody may connect, and is
	// anonymous.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	Authentication []string `json:"authentication,omitempty"`

	// anonymous also admits clients that show no token. One whose token is refused is not admitted.
	// +optional
	Anonymous bool `json:"anonymous,omitempty"`

	// addressUsers lets handlers emit to users by name, and programs publish to them. Each user
	// with a client costs its gateway a subscription. If absent, it is true if a handler has `to:
	// user`, or the service has spec.api.
	// +optional
	AddressUsers *bool `json:"addressUsers,omitempty"`

	// rooms are rules for rooms by their name. The first rule that matches a room applies.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Rooms []RoomRule `json:"rooms,omitempty"`

	// handlers of events, in order. Every handler whose event matches runs.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Handlers []Handler `json:"handlers,omitempty"`
}

// Handler is what a namespace does when an event arrives.
type Handler struct {
	// event name that a client emits, or one of connection, disconnecting and disconnect, or '*'
	// for any event that clients emit.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!(self in ['connect', 'connect_error', 'newListener', 'removeListener'])",message="is a reserved event name of Socket.IO"
	Event string `json:"event,omitempty"`

	// when is a CEL condition. The handler runs only if it is true.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	When string `json:"when,omitempty"`

	// do lists the actions. They run in order.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Do []Action `json:"do,omitempty"`
}

// Action is one step of a handler: one of set, emit, join, joinOneOf, leave, count, ack, presence,
// history and disconnect, or stop alone. Strings in it are CEL expressions unless their description
// says otherwise.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=3
type Action struct {
	// when is a CEL condition. The action runs, and stops the handler, only if it is true.
	// +optional
	When Expression `json:"when,omitempty"`

	// stop ends the handler after the action. Other handlers of the event still run.
	// +optional
	Stop bool `json:"stop,omitempty"`

	// set writes fields of socket.data, each from an expression. The next action sees them. All
	// fields together may take 64 KiB; a set beyond that fails and changes nothing.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	Set map[string]Expression `json:"set,omitempty"`

	// emit sends an event.
	// +optional
	Emit *EmitAction `json:"emit,omitempty"`

	// join puts the socket into a room, or into each room of a list. A join beyond
	// spec.limits.maxRooms fails.
	// +optional
	Join Expression `json:"join,omitempty"`

	// joinOneOf puts the socket into one of several rooms: the first, in the order that prefer
	// says, that it may join and that has a place. The next actions see the room in the variable
	// `joined`.
	// +optional
	JoinOneOf *JoinOneOfAction `json:"joinOneOf,omitempty"`

	// count counts the members of a room, or of each room of a list, on all gateways. The rooms
	// must have a capacity. The next actions see the variable `counts`, a map by the names of the
	// rooms.
	// +optional
	Count Expression `json:"count,omitempty"`

	// leave removes the socket from a room, or from each room of a list.
	// +optional
	Leave Expression `json:"leave,omitempty"`

	// ack answers the client's acknowledgement with a list of arguments. Without one, an event that
	// asks for an acknowledgement gets an empty answer when its handlers have run. Ignored if the
	// client asked for none.
	// +optional
	Ack Expression `json:"ack,omitempty"`

	// presence answers the client's acknowledgement with the members of a room. Ignored if the
	// client asked for none.
	// +optional
	Presence *PresenceAction `json:"presence,omitempty"`

	// history answers the client's acknowledgement with a page of a room's history. Ignored if the
	// client asked for none.
	// +optional
	History *HistoryAction `json:"history,omitempty"`

	// disconnect ends the socket.
	// +optional
	Disconnect *DisconnectAction `json:"disconnect,omitempty"`
}

// Expression is a CEL expression.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=4096
type Expression string

// EmitTo says who receives an event.
//
// +kubebuilder:validation:Enum=everyone;others;socket;user
type EmitTo string

const (
	// EmitToEveryone is every socket of the namespace or of the rooms, like io.emit and
	// io.to(room).emit.
	EmitToEveryone EmitTo = "everyone"
	// EmitToOthers is everyone but the socket itself, like socket.broadcast.emit and
	// socket.to(room).emit.
	EmitToOthers EmitTo = "others"
	// EmitToSocket is the socket itself, like socket.emit.
	EmitToSocket EmitTo = "socket"
	// EmitToUser is every socket of users, wherever they are connected.
	EmitToUser EmitTo = "user"
)

// EmitAction sends an event to sockets on all gateways.
//
// +kubebuilder:validation:XValidation:rule="self.to != 'socket' || (!has(self.rooms) && !has(self.except))",message="rooms and except do not go with `to: socket`",fieldPath=".to"
// +kubebuilder:validation:XValidation:rule="self.to != 'socket' || !has(self.local) || !self.local",message="makes no sense with `to: socket`, whose socket is on this gateway",fieldPath=".local"
type EmitAction struct {
	// to selects the receivers: everyone, others (all but the socket itself), socket (it alone), or
	// user (all sockets of the users that `user` names).
	// +optional
	// +kubebuilder:default=everyone
	To EmitTo `json:"to,omitempty"`

	// user yields the name of a user, or a list of names, for `to: user`. An empty name is
	// nobody's.
	// +optional
	User Expression `json:"user,omitempty"`

	// entry is the entry of spec.authentication whose users are meant, by default the only one of
	// the namespace: users of two entries are different ones, even if they have the same name. It
	// is not an expression.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Entry string `json:"entry,omitempty"`

	// rooms limits the receivers to the members of these rooms. Each expression yields a room or a
	// list of rooms. An empty list reaches nobody.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Rooms []Expression `json:"rooms,omitempty"`

	// except excludes the members of these rooms. Each expression yields a room or a list of rooms.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Except []Expression `json:"except,omitempty"`

	// volatile drops the event for clients that cannot take it at once, such as those between two
	// polls. It is for events that the next one replaces: positions, cursors.
	// +optional
	Volatile bool `json:"volatile,omitempty"`

	// local limits the receivers to sockets on the gateway of the client, so that the event costs
	// the other gateways nothing.
	// +optional
	Local bool `json:"local,omitempty"`

	// compress allows the event to be compressed where spec.protocol.compression is on. Use false
	// for data that is compressed already, such as images.
	// +optional
	// +kubebuilder:default=true
	Compress *bool `json:"compress,omitempty"`

	// ack asks the receivers for an acknowledgement. The handler waits for all of them, and its
	// next actions see the variables `answers` and `missing`.
	// +optional
	Ack *EmitAck `json:"ack,omitempty"`

	// ifRevision yields the revision of the newest event that the client has seen of the room, 0 or
	// null if none. If the room has a newer one, nothing is emitted, the handler ends, and the
	// acknowledgement is {error: {code: "conflict", revision: n}} with the newest revision.
	// Otherwise the handler waits until the event is stored, and the next actions see its revision
	// in the variable `revision`. It requires one room with `ordering: room`. Only events to that
	// room alone count.
	// +optional
	IfRevision Expression `json:"ifRevision,omitempty"`

	// event is the name of the event. It is not an expression.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!(self in ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])",message="is a reserved event name of Socket.IO"
	Event string `json:"event,omitempty"`

	// args yields the list of arguments.
	// +optional
	// +kubebuilder:default="[]"
	Args Expression `json:"args,omitempty"`
}

// EmitAck says how long a handler waits for the acknowledgements of clients.
type EmitAck struct {
	// timeout ends the wait for receivers that have not answered. At most 1m.
	// +optional
	// +kubebuilder:default="5s"
	Timeout Duration `json:"timeout,omitzero"`
}

// DisconnectAction ends a socket.
type DisconnectAction struct {
	// close ends the whole connection, not only this namespace.
	// +optional
	Close bool `json:"close,omitempty"`
}

// The names of the events that clients do not emit.
const (
	EventConnection    = "connection"
	EventDisconnecting = "disconnecting"
	EventDisconnect    = "disconnect"
	// EventAny stands for every event that clients emit.
	EventAny = "*"
)
