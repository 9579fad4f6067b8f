// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestAServiceWithTooManyExpressionsIsRefusedUnread(t *testing.T) {
	long := v1alpha1.Expression("[" + strings.Repeat("1,", 2000) + "1]")
	with := func(n int, e v1alpha1.Expression) *v1alpha1.RealtimeService {
		svc := &v1alpha1.RealtimeService{}
		actions := make([]v1alpha1.Action, n)
		for i := range actions {
			actions[i] = v1alpha1.Action{Ack: e}
		}
		svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/", Handlers: []v1alpha1.Handler{{Event: "e", Do: actions}}}}
		return svc
	}
	if errs := Service(with(10, long)); len(errs) > 0 {
		t.Error(errs)
	}
	// None of them compiles: that would be 20 errors more.
	errs := Service(with(20, long+"["))
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "80080 bytes together") {
		t.Error(errs)
	}
}

func TestConditionsOfRoomsCountTowardsTheSize(t *testing.T) {
	svc := &v1alpha1.RealtimeService{}
	svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/"}}
	for range 20 {
		access := &v1alpha1.RoomAccess{Join: v1alpha1.Expression(strings.Repeat("(", 4000))}
		svc.Spec.Namespaces[0].Rooms = append(svc.Spec.Namespaces[0].Rooms, v1alpha1.RoomRule{Name: "room", Allow: access})
	}
	errs := Service(svc)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "80000 bytes together") {
		t.Error(errs)
	}
}
