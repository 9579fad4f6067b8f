// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// RoomRule applies to rooms by their name. A room needs no rule; it exists while it has members.
//
// +kubebuilder:validation:XValidation:rule="!has(self.autoJoin) || !self.autoJoin || !(self.name.contains('*') || self.name.contains('{'))",message="a pattern names no room that could be joined",fieldPath=".autoJoin"
// +kubebuilder:validation:XValidation:rule="!has(self.autoJoinRooms) || !has(self.autoJoin) || !self.autoJoin",message="does not go with autoJoin, which joins the room in any case",fieldPath=".autoJoinRooms"
// +kubebuilder:validation:XValidation:rule="!has(self.allow) || has(self.capacity) || has(self.allow.join) || has(self.allow.leave) || has(self.allow.emit) || has(self.allow.history) || has(self.allow.presence)",message="must have at least one condition",fieldPath=".allow"
// +kubebuilder:validation:XValidation:rule="!has(self.presenceInfo) || (has(self.presence) && self.presence)",message="is of no use without `presence: true`",fieldPath=".presenceInfo"
type RoomRule struct {
	// name of the room, or a pattern in which '*' matches any run of characters, also an empty one,
	// and a named part such as {team} one or more characters, as few as possible; allow and
	// presenceInfo see them as room.params.team. The first rule that matches a room applies. A rule
	// that an earlier pattern shadows is refused. The room of a single socket, named by its id, has
	// no rule.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`

	// autoJoin puts each socket into the room when it connects, before the handlers of connection
	// run.
	// +optional
	AutoJoin bool `json:"autoJoin,omitempty"`

	// autoJoinRooms yields the rooms, or the room, that a socket joins when it connects, for
	// example from its claims: `socket.claims.teams.map(t, 'team-' + t)`. It sees socket and now.
	// This rule must be the one that applies to them. The client gets the event `forbidden` for
	// each that it may not join, and for an expression that fails. A client that comes back after a
	// lost connection is in the rooms of its session instead.
	// +optional
	AutoJoinRooms Expression `json:"autoJoinRooms,omitempty"`

	// presence tells the members who else is in the room, with the event `presence`.
	// +optional
	Presence bool `json:"presence,omitempty"`

	// history stores the events of the room for later members. It requires spec.recovery, whose log
	// holds it.
	// +optional
	History *HistorySpec `json:"history,omitempty"`

	// ordering of events. sender keeps the order of each sender's events. With room, all members
	// receive the events of the room in one order, and each event has one more argument, {revision:
	// n}, where n grows. room requires spec.recovery.
	// +optional
	// +kubebuilder:default=sender
	// +kubebuilder:validation:Enum=sender;room
	Ordering RoomOrdering `json:"ordering,omitempty"`

	// capacity is how many members the room may have, on all gateways together. A socket that finds
	// no place is refused with the code `room_full`, whatever puts it into the room. The place of a
	// client that has lost its connection waits for it for spec.recovery.maxDisconnection. It
	// requires spec.recovery, whose log holds who has a place.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Capacity *int32 `json:"capacity,omitempty"`

	// allow says who may do what in the room. What has no rule is allowed to everybody whose
	// handlers do it.
	// +optional
	Allow *RoomAccess `json:"allow,omitempty"`

	// presenceInfo yields what members see of each other besides the id, for example `{'name':
	// socket.data.username}`. It sees socket, room.name and now. If it is absent or fails, members
	// see the id alone.
	// +optional
	PresenceInfo Expression `json:"presenceInfo,omitempty"`
}

// RoomAccess says who may do what in a room, in CEL conditions that see socket, room and now. What
// is not allowed is refused, and so is what a condition fails to judge, for example because a field
// is missing: the client's acknowledgement is {error: {code: "forbidden", rule:
// "rooms[0].allow.join"}}. The conditions of join, history and presence are evaluated when a socket
// joins, when it comes back after a lost connection, and when the manifest changes, but not for
// each event.
type RoomAccess struct {
	// mode is Enforce, or Audit to allow everything, and count and log what would be refused. It
	// holds for the room's capacity too.
	// +optional
	// +kubebuilder:default=Enforce
	// +kubebuilder:validation:Enum=Enforce;Audit
	Mode AccessMode `json:"mode,omitempty"`

	// join is the condition for being in the room, whatever puts the socket there: a handler,
	// autoJoin, SocketsJoin of a program, or its return after a lost connection. A socket that is
	// in a room where a changed manifest does not allow it any more leaves it, and gets the event
	// `forbidden`.
	// +optional
	Join Expression `json:"join,omitempty"`

	// leave is the condition for a `leave` action.
	// +optional
	Leave Expression `json:"leave,omitempty"`

	// emit is the condition for an `emit` action that names the room. It is evaluated for each
	// event. If one of several rooms is not allowed, the event is sent to nobody. Publishers are
	// not asked.
	// +optional
	Emit Expression `json:"emit,omitempty"`

	// history is the condition for the room's history, on joining and by a `history` action. A
	// socket without it may still join.
	// +optional
	History Expression `json:"history,omitempty"`

	// presence is the condition for seeing who is in the room, by the event `presence` and by a
	// `presence` action. A socket without it is seen all the same.
	// +optional
	Presence Expression `json:"presence,omitempty"`
}

// AccessMode says what becomes of what is not allowed.
type AccessMode string

const (
	// AccessEnforce refuses it.
	AccessEnforce AccessMode = "Enforce"
	// AccessAudit allows, counts and logs it.
	AccessAudit AccessMode = "Audit"
)

// RoomOrdering is the order in which members of a room receive its events.
type RoomOrdering string

const (
	// OrderingSender keeps the order of each sender's events.
	OrderingSender RoomOrdering = "sender"
	// OrderingRoom is one order for all members.
	OrderingRoom RoomOrdering = "room"
)

// HistorySpec says how much of a room is stored. Events that are volatile, local or ask for
// acknowledgements are not stored, nor are events to the whole namespace. Of the events to several
// rooms at once, the last 10,000 of the namespace are considered.
type HistorySpec struct {
	// maxMessages is how many events are stored. Newer events replace the oldest.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxMessages int32 `json:"maxMessages,omitempty"`

	// maxAge is how long events are stored.
	// +optional
	// +kubebuilder:default="24h"
	MaxAge Age `json:"maxAge,omitzero"`

	// onJoin sends the stored events, as they were, to a socket that joins, before any later event
	// of the room. Otherwise clients ask by an action `history`.
	// +optional
	// +kubebuilder:default=true
	OnJoin *bool `json:"onJoin,omitempty"`
}

// Age is a long time span as Go writes it.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))+$`
// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('8760h')",message="must be from 1s to 8760h"
type Age struct {
	Duration `json:"-"`
}

// HistoryAction answers the client's acknowledgement with a page of a room's history: {room,
// events: [{event, args, revision, time}], next}. The next page has the events before it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.before) || !has(self.after)",message="does not go with before",fieldPath=".after"
type HistoryAction struct {
	// room yields the room's name.
	// +required
	Room Expression `json:"room,omitempty"`

	// limit is the maximum number of events in an answer. An answer has fewer where they exceed 1
	// MiB, or have more binary arguments than a packet can hold, but at least one.
	// +optional
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Limit *int32 `json:"limit,omitempty"`

	// before yields the `next` of the previous answer, a number. 0 starts with the newest events.
	// +optional
	Before Expression `json:"before,omitempty"`

	// after yields a revision, a number: the answer has the oldest events after it instead, its
	// `next` is the `after` of the next page, and `gap` is true if the event with that revision is
	// not stored any more, so that some may be missing. Not with before.
	// +optional
	After Expression `json:"after,omitempty"`
}

// PresenceAction answers the client's acknowledgement with the members of a room that has presence:
// {room, count, members: [{id, info}], next}.
type PresenceAction struct {
	// room yields the room's name. A room without presence is an error.
	// +required
	Room Expression `json:"room,omitempty"`

	// limit is the maximum number of members in an answer. 0 only counts. An answer also ends, with
	// `next`, at 128 KiB.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Limit *int32 `json:"limit,omitempty"`

	// after yields the `next` of the previous answer. An empty string starts at the beginning.
	// +optional
	After Expression `json:"after,omitempty"`
}

// JoinOneOfAction puts the socket into one of several rooms with a capacity.
type JoinOneOfAction struct {
	// rooms yields a list of at most 64 rooms. If the socket is in one of them, it stays there.
	// +required
	Rooms Expression `json:"rooms,omitempty"`

	// prefer is the order in which the rooms are tried: LeastFull begins with the one with the
	// fewest members, MostFull with the one with the most that has a place, Listed with the first
	// of the list. Rooms with equally many members are tried in the order of the list.
	// +optional
	// +kubebuilder:default=LeastFull
	// +kubebuilder:validation:Enum=LeastFull;MostFull;Listed
	Prefer RoomPreference `json:"prefer,omitempty"`
}

// RoomPreference is an order of rooms.
type RoomPreference string

const (
	// PreferLeastFull begins with the room with the fewest members.
	PreferLeastFull RoomPreference = "LeastFull"
	// PreferMostFull begins with the room with the most members.
	PreferMostFull RoomPreference = "MostFull"
	// PreferListed keeps the order of the list.
	PreferListed RoomPreference = "Listed"
)
