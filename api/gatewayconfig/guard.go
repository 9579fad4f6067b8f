// SPDX-License-Identifier: Apache-2.0

package gatewayconfig

import (
	"slices"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// guard is written among the rooms of an action that emits to users, which has none. A gateway of
// an earlier release ignores fields that it does not know, and would emit to the whole namespace;
// it compiles rooms, though, and refuses the configuration with this text, which is no expression.
const guard = "this gateway is of a release that cannot emit to users"

// guarded returns a spec whose actions gateways of earlier releases do not get wrong. It shares
// memory with the argument, which it does not change.
func guarded(s v1alpha1.RealtimeServiceSpec) v1alpha1.RealtimeServiceSpec {
	if !slices.ContainsFunc(handlersOf(&s), func(handlers *[]v1alpha1.Handler) bool { return v1alpha1.EmitToUsers(*handlers) }) {
		return s
	}
	s = *s.DeepCopy()
	for emit := range emissionsToUsers(&s) {
		emit.Rooms = append(emit.Rooms, guard)
	}
	return s
}

// understand removes what guarded has added.
func understand(s *v1alpha1.RealtimeServiceSpec) {
	for emit := range emissionsToUsers(s) {
		emit.Rooms = slices.DeleteFunc(emit.Rooms, func(room v1alpha1.Expression) bool { return room == guard })
	}
}

func handlersOf(s *v1alpha1.RealtimeServiceSpec) []*[]v1alpha1.Handler {
	all := make([]*[]v1alpha1.Handler, 0, len(s.Namespaces)+len(s.DynamicNamespaces))
	for i := range s.Namespaces {
		all = append(all, &s.Namespaces[i].Handlers)
	}
	for i := range s.DynamicNamespaces {
		all = append(all, &s.DynamicNamespaces[i].Handlers)
	}
	return all
}

func emissionsToUsers(s *v1alpha1.RealtimeServiceSpec) func(yield func(*v1alpha1.EmitAction) bool) {
	return func(yield func(*v1alpha1.EmitAction) bool) {
		for _, handlers := range handlersOf(s) {
			for i := range *handlers {
				for _, action := range (*handlers)[i].Do {
					if action.Emit != nil && action.Emit.To == v1alpha1.EmitToUser && !yield(action.Emit) {
						return
					}
				}
			}
		}
	}
}
