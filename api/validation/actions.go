// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// validateKind checks that an action does one thing, or only stops the handler. A rule of the
// schema could not say which two there are.
func validateKind(a *v1alpha1.Action, path *field.Path) field.ErrorList {
	kinds := a.Kinds()
	switch {
	case len(kinds) > 1:
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf("has %s, and may have one of them: write two actions", strings.Join(kinds, " and ")))}
	case len(kinds) == 0 && !a.Stop:
		return field.ErrorList{field.Required(path, "name what is done, or stop")}
	}
	return nil
}

// validateStop refuses an action that never runs, since the one before it always stops the handler.
func validateStop(do []v1alpha1.Action, i int, path *field.Path) field.ErrorList {
	if i == 0 || !do[i-1].Stop || do[i-1].When != "" {
		return nil
	}
	return field.ErrorList{field.Forbidden(path.Index(i), fmt.Sprintf("never runs, since do[%d] always stops the handler", i-1))}
}

// validateIfRevision refuses conditions on events that have no revision, or not one.
func validateIfRevision(e *v1alpha1.EmitAction, path *field.Path) field.ErrorList {
	switch {
	case len(e.Rooms) != 1:
		return field.ErrorList{field.Forbidden(path, "is about one room: name it in rooms")}
	case e.Volatile, e.Local, e.Ack != nil:
		return field.ErrorList{field.Forbidden(path, "does not go with volatile, local and ack: such events are not stored")}
	}
	return nil
}
