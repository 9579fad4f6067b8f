// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Namespace is a Socket.IO namespace and its handlers.
type Namespace struct {
	// name that clients connect to: "/" or "/chat".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^/[^,?#\s]*$`
	Name string `json:"name,omitempty"`

	// rooms are rules for rooms by their name; the first that matches holds.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Rooms []RoomRule `json:"rooms,omitempty"`

	// handlers list what to do on events, in order. Every handler whose event fits runs.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Handlers []Handler `json:"handlers,omitempty"`
}

// DynamicNamespace is all Socket.IO namespaces whose name matches a pattern. Each is a namespace of its own, with its own
// rooms; they share handlers.
type DynamicNamespace struct {
	// pattern that the whole name must match, such as '/orders/(?P<id>[0-9]+)', in the syntax of RE2
	// (https://github.com/google/re2/wiki/Syntax). What a named group has matched is socket.params.id.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/`
	Pattern string `json:"pattern,omitempty"`

	// rooms are rules for rooms by their name; the first that matches holds.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Rooms []RoomRule `json:"rooms,omitempty"`

	// handlers list what to do on events, in order. Every handler whose event fits runs.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Handlers []Handler `json:"handlers,omitempty"`
}

// Handler is what a namespace does when an event comes in.
type Handler struct {
	// event is the name that a client emits, or one of connection, disconnecting and disconnect, or '*' for
	// any event that clients emit.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!(self in ['connect', 'connect_error', 'newListener', 'removeListener'])",message="is a reserved event name of Socket.IO"
	Event string `json:"event,omitempty"`

	// when is a CEL condition; the handler runs only if it is true.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	When string `json:"when,omitempty"`

	// do lists the actions, run in order.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Do []Action `json:"do,omitempty"`
}

// Action is one step of a handler: exactly one of its fields is set. Strings in it are CEL expressions unless said
// otherwise; package expression declares what they see.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Action struct {
	// set writes fields of socket.data, each from an expression. They are visible to the next action.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	Set map[string]Expression `json:"set,omitempty"`

	// emit sends an event.
	// +optional
	Emit *EmitAction `json:"emit,omitempty"`

	// join puts the socket into a room, or into each room of a list.
	// +optional
	Join Expression `json:"join,omitempty"`

	// leave takes the socket out of a room, or out of each room of a list.
	// +optional
	Leave Expression `json:"leave,omitempty"`

	// ack answers the client's acknowledgement with a list of arguments. Without one, an event that asks for an
	// acknowledgement gets an empty answer when its handlers are done. Ignored if the client asked for none.
	// +optional
	Ack Expression `json:"ack,omitempty"`

	// presence answers the client's acknowledgement with the members of a room. Ignored if the client asked for none.
	// +optional
	Presence *PresenceAction `json:"presence,omitempty"`

	// history answers the client's acknowledgement with a page of a room's history. Ignored if the client asked for none.
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
// +kubebuilder:validation:Enum=everyone;others;socket
type EmitTo string

const (
	// EmitToEveryone is every socket of the namespace or of the rooms, like io.emit and io.to(room).emit.
	EmitToEveryone EmitTo = "everyone"
	// EmitToOthers is everyone but the socket itself, like socket.broadcast.emit and socket.to(room).emit.
	EmitToOthers EmitTo = "others"
	// EmitToSocket is the socket itself, like socket.emit.
	EmitToSocket EmitTo = "socket"
)

// EmitAction sends an event to sockets on all gateways.
//
// +kubebuilder:validation:XValidation:rule="self.to != 'socket' || (!has(self.rooms) && !has(self.except))",message="rooms and except do not go with `to: socket`",fieldPath=".to"
// +kubebuilder:validation:XValidation:rule="self.to != 'socket' || !has(self.local) || !self.local",message="makes no sense with `to: socket`, whose socket is on this gateway",fieldPath=".local"
type EmitAction struct {
	// to says who receives it: everyone, others (all but the socket itself), or the socket alone.
	// +optional
	// +kubebuilder:default=everyone
	To EmitTo `json:"to,omitempty"`

	// rooms narrows it to the members of these rooms. Each expression yields a room or a list of rooms.
	// A list that turns out empty reaches nobody.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Rooms []Expression `json:"rooms,omitempty"`

	// except leaves out the members of these rooms. Each expression yields a room or a list of rooms.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Except []Expression `json:"except,omitempty"`

	// volatile drops the event for clients that cannot take it at once, such as those that are between two polls. For what the
	// next event makes worthless: positions, cursors.
	// +optional
	Volatile bool `json:"volatile,omitempty"`

	// local narrows it to sockets of the gateway that the client is connected to, so that it costs the others nothing.
	// +optional
	Local bool `json:"local,omitempty"`

	// compress allows the event to be compressed, where spec.protocol.compression is on. False is for what is compressed
	// already, such as pictures: it costs time and gains nothing.
	// +optional
	// +kubebuilder:default=true
	Compress *bool `json:"compress,omitempty"`

	// ack asks those who receive it for an acknowledgement. The handler waits for their answers; its next actions see them
	// in the variables answers and missing.
	// +optional
	Ack *EmitAck `json:"ack,omitempty"`

	// event is the name of the event, not an expression.
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
	// timeout ends the wait, from 100ms to 1m, for those who have not answered.
	// +optional
	// +kubebuilder:default="5s"
	Timeout Duration `json:"timeout,omitzero"`
}

// DisconnectAction ends a socket.
type DisconnectAction struct {
	// close ends the whole connection, not just this namespace.
	// +optional
	Close bool `json:"close,omitempty"`
}
