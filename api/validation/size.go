// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// maxExpressions bounds the expressions of a service together, in bytes. A byte may take 0.1 ms to
// compile, and the API server waits 10 s for the webhook.
const maxExpressions = 64 << 10

// validateSize refuses a service whose expressions would take too long to check.
func validateSize(s *v1alpha1.RealtimeService) field.ErrorList {
	total := 0
	for _, rule := range s.Spec.Protocol.Admission {
		total += len(rule.Expression)
	}
	for _, entry := range s.Spec.Authentication {
		total += len(entry.Allow) + len(entry.User)
	}
	for i := range s.Spec.Namespaces {
		total += expressionBytes(s.Spec.Namespaces[i].Rooms, s.Spec.Namespaces[i].Handlers)
	}
	for i := range s.Spec.DynamicNamespaces {
		total += expressionBytes(s.Spec.DynamicNamespaces[i].Rooms, s.Spec.DynamicNamespaces[i].Handlers)
	}
	if total <= maxExpressions {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec"),
		fmt.Sprintf("its expressions have %d bytes together, and may have %d", total, maxExpressions))}
}

func expressionBytes(rooms []v1alpha1.RoomRule, handlers []v1alpha1.Handler) int {
	total := 0
	for i := range rooms {
		total += len(rooms[i].PresenceInfo) + len(rooms[i].AutoJoinRooms)
		for _, c := range rooms[i].Allow.Conditions() {
			total += len(c.Condition)
		}
	}
	for i := range handlers {
		total += len(handlers[i].When)
		for j := range handlers[i].Do {
			for _, u := range expressionsOf(&handlers[i].Do[j], nil) {
				total += len(u.source)
			}
		}
	}
	return total
}
