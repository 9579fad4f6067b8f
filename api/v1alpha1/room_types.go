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
	Name string `json:"name"`

	// autoJoin puts each socket into the room when it connects, before the handlers of connection run.
	// +optional
	AutoJoin bool `json:"autoJoin,omitempty"`

	// presence tells the members who else is there, by the event `presence`.
	// +optional
	Presence bool `json:"presence,omitempty"`

	// presenceInfo yields what members see of each other besides the id, in CEL: {'name': socket.data.username}. It sees socket,
	// room.name and now. Left out, or where it fails, it is the id alone.
	// +optional
	PresenceInfo Expression `json:"presenceInfo,omitempty"`
}

// PresenceAction answers the client's acknowledgement with the members of a room that has presence:
// {room, count, members: [{id, info}], next}.
type PresenceAction struct {
	// room yields the room's name.
	// +required
	Room Expression `json:"room"`

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
