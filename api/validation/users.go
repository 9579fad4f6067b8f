// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const noUsers = "without authentication all clients are anonymous"

// validateUsers checks whether the users of a namespace are addressed, and by which handlers.
func validateUsers(handlers []v1alpha1.Handler, entries []string, addressed *bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case addressed == nil:
	case *addressed && len(entries) == 0:
		errs = append(errs, field.Forbidden(path.Child("addressUsers"), noUsers))
	case !*addressed && v1alpha1.EmitToUsers(handlers):
		errs = append(errs, field.Invalid(path.Child("addressUsers"), false, "a handler has `to: user`"))
	}
	for i := range handlers {
		for j := range handlers[i].Do {
			if emit := handlers[i].Do[j].Emit; emit != nil {
				errs = append(errs, validateReceivers(emit, entries, path.Child("handlers").Index(i).Child("do").Index(j).Child("emit"))...)
			}
		}
	}
	return errs
}

// receivers are those that this release knows; the schema's default is everyone.
var receivers = []v1alpha1.EmitTo{"", v1alpha1.EmitToEveryone, v1alpha1.EmitToOthers, v1alpha1.EmitToSocket, v1alpha1.EmitToUser}

// validateReceivers checks whether an event is for users, and for whose. A gateway, which does not
// apply the schema, may be given the manifest of a later release, and must not send to everybody
// what is meant for some.
func validateReceivers(e *v1alpha1.EmitAction, entries []string, path *field.Path) field.ErrorList {
	if !slices.Contains(receivers, e.To) {
		return field.ErrorList{field.NotSupported(path.Child("to"), e.To, receivers[1:])}
	}
	var errs field.ErrorList
	if e.To != v1alpha1.EmitToUser {
		if e.User != "" {
			errs = append(errs, field.Forbidden(path.Child("user"), "is for `to: user`"))
		}
		if e.Entry != "" {
			errs = append(errs, field.Forbidden(path.Child("entry"), "is for `to: user`"))
		}
		return errs
	}
	if e.User == "" {
		errs = append(errs, field.Required(path.Child("user"), "name the users that the event is for"))
	}
	if len(e.Rooms) > 0 {
		errs = append(errs, field.Forbidden(path.Child("rooms"), "does not go with `to: user`"))
	}
	switch {
	case len(entries) == 0:
		errs = append(errs, field.Forbidden(path.Child("to"), noUsers))
	case e.Entry == "" && len(entries) > 1:
		errs = append(errs, field.Required(path.Child("entry"), "the namespace has several: name the one whose users are meant"))
	case e.Entry != "" && !slices.Contains(entries, e.Entry):
		errs = append(errs, field.NotSupported(path.Child("entry"), e.Entry, entries))
	}
	return errs
}
