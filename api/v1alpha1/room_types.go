// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// RoomRule says what holds for rooms of a name. Rooms without a rule are rooms like any others.
//
// +kubebuilder:validation:XValidation:rule="!has(self.autoJoin) || !self.autoJoin || !self.name.contains('*')",message="a pattern names no room that could be joined",fieldPath=".autoJoin"
// +kubebuilder:validation:XValidation:rule="!has(self.presenceInfo) || (has(self.presence) && self.presence)",message="is of no use without `presence: true`",fieldPath=".presenceInfo"
type RoomRule struct {
	// name of the room, or a pattern: '*' in it matches any run of characters, an empty one too. The first rule that matches a
	// room holds for it. The room of a single socket, named by its id, has none.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`

	// autoJoin puts each socket into the room when it connects, before the handlers of connection run.
	// +optional
	AutoJoin bool `json:"autoJoin,omitempty"`

	// presence tells the members who else is there, by the event `presence`.
	// +optional
	Presence bool `json:"presence,omitempty"`

	// history keeps what is emitted to the room, for those who come later. It takes spec.recovery, in whose log it is kept.
	// +optional
	History *HistorySpec `json:"history,omitempty"`

	// ordering is sender, which keeps the order of each sender's events, or room: all members get the room's events in one
	// order, each with one argument more, {revision: n}, where n grows. It takes spec.recovery.
	// +optional
	// +kubebuilder:default=sender
	// +kubebuilder:validation:Enum=sender;room
	Ordering RoomOrdering `json:"ordering,omitempty"`

	// presenceInfo yields what members see of each other besides the id, in CEL: {'name': socket.data.username}. It sees socket,
	// room.name and now. Left out, or where it fails, it is the id alone.
	// +optional
	PresenceInfo Expression `json:"presenceInfo,omitempty"`
}

// RoomOrdering is the order in which members of a room get its events.
type RoomOrdering string

const (
	// OrderingSender keeps the order of each sender's events.
	OrderingSender RoomOrdering = "sender"
	// OrderingRoom is one order for all members.
	OrderingRoom RoomOrdering = "room"
)

// HistorySpec says how much of a room is kept. Events that are volatile, local or to be acknowledged are not, nor are those to the
// whole namespace. Of those to several rooms at once the last 10,000 of the namespace are looked at.
type HistorySpec struct {
	// maxMessages is how many events are kept, the newest.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxMessages int32 `json:"maxMessages,omitempty"`

	// maxAge is for how long.
	// +optional
	// +kubebuilder:default="24h"
	MaxAge Age `json:"maxAge,omitzero"`

	// onJoin sends a socket that joins the events that are kept, as they were, before any later one of the room. Otherwise clients
	// ask, by an action `history`.
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

// HistoryAction answers the client's acknowledgement with a page of a room's history:
// {room, events: [{event, args, revision, time}], next}. The next page is the one before it.
type HistoryAction struct {
	// room yields the room's name.
	// +required
	Room Expression `json:"room,omitempty"`

	// limit is the most events of an answer. It has fewer where they have more binary arguments than a packet takes.
	// +optional
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Limit *int32 `json:"limit,omitempty"`

	// before yields the `next` of the answer before, a number; 0 begins with the newest events.
	// +optional
	Before Expression `json:"before,omitempty"`
}

// PresenceAction answers the client's acknowledgement with the members of a room that has presence:
// {room, count, members: [{id, info}], next}.
type PresenceAction struct {
	// room yields the room's name.
	// +required
	Room Expression `json:"room,omitempty"`

	// limit is the most members of an answer; 0 counts only.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Limit *int32 `json:"limit,omitempty"`

	// after yields the `next` of the answer before; an empty string begins.
	// +optional
	After Expression `json:"after,omitempty"`
}
