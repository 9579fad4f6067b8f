// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Kinds names what an action does besides stopping the handler; a valid one does one thing at most.
func (a *Action) Kinds() []string {
	var kinds []string
	for _, kind := range []struct {
		name string
		set  bool
	}{
		{"set", a.Set != nil},
		{"emit", a.Emit != nil},
		{"join", a.Join != ""},
		{"joinOneOf", a.JoinOneOf != nil},
		{"leave", a.Leave != ""},
		{"count", a.Count != ""},
		{"ack", a.Ack != ""},
		{"presence", a.Presence != nil},
		{"history", a.History != nil},
		{"disconnect", a.Disconnect != nil},
	} {
		if kind.set {
			kinds = append(kinds, kind.name)
		}
	}
	return kinds
}

// EmitToUsers reports whether any of the handlers emits to users.
func EmitToUsers(handlers []Handler) bool {
	for i := range handlers {
		for j := range handlers[i].Do {
			if emit := handlers[i].Do[j].Emit; emit != nil && emit.To == EmitToUser {
				return true
			}
		}
	}
	return false
}
