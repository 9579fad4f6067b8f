// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"
)

func TestAServiceWithTooManyExpressionsIsRefusedUnread(t *testing.T) {
	long := Expression("[" + strings.Repeat("1,", 2000) + "1]")
	with := func(n int, e Expression) *RealtimeService {
		svc := &RealtimeService{}
		actions := make([]Action, n)
		for i := range actions {
			actions[i] = Action{Ack: e}
		}
		svc.Spec.Namespaces = []Namespace{{Name: "/", Handlers: []Handler{{Event: "e", Do: actions}}}}
		return svc
	}
	if errs := with(10, long).Validate(); len(errs) > 0 {
		t.Error(errs)
	}
	// None of them compiles: that would be 20 errors more.
	errs := with(20, long+"[").Validate()
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "80080 bytes together") {
		t.Error(errs)
	}
}

func TestConditionsOfRoomsCountTowardsTheSize(t *testing.T) {
	svc := &RealtimeService{}
	svc.Spec.Namespaces = []Namespace{{Name: "/"}}
	for range 20 {
		access := &RoomAccess{Join: Expression(strings.Repeat("(", 4000))}
		svc.Spec.Namespaces[0].Rooms = append(svc.Spec.Namespaces[0].Rooms, RoomRule{Name: "room", Allow: access})
	}
	errs := svc.Validate()
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "80000 bytes together") {
		t.Error(errs)
	}
}
