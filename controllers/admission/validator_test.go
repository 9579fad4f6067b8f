// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func service(when string) *v1alpha1.RealtimeService {
	handler := v1alpha1.Handler{Event: "hi", When: when, Do: []v1alpha1.Action{{Disconnect: &v1alpha1.DisconnectAction{}}}}
	svc := &v1alpha1.RealtimeService{}
	svc.Name = "chat"
	svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/", Handlers: []v1alpha1.Handler{handler}}}
	return svc
}

func TestValidator(t *testing.T) {
	ctx := t.Context()
	good, bad, worse := service("true"), service("args[0"), service("args[0][")
	for name, test := range map[string]struct {
		judge   func() error
		refused bool
	}{
		"a good one":                {func() error { _, err := Validator{}.ValidateCreate(ctx, good); return err }, false},
		"a bad one":                 {func() error { _, err := Validator{}.ValidateCreate(ctx, bad); return err }, true},
		"a good one turned bad":     {func() error { _, err := Validator{}.ValidateUpdate(ctx, good, bad); return err }, true},
		"a bad one made good":       {func() error { _, err := Validator{}.ValidateUpdate(ctx, bad, good); return err }, false},
		"a bad one made worse":      {func() error { _, err := Validator{}.ValidateUpdate(ctx, bad, worse); return err }, true},
		"a bad one left as it was":  {func() error { _, err := Validator{}.ValidateUpdate(ctx, bad, bad.DeepCopy()); return err }, false},
		"a bad one that is deleted": {func() error { _, err := Validator{}.ValidateDelete(ctx, bad); return err }, false},
	} {
		err := test.judge()
		if (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
		if test.refused && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.namespaces[0].handlers[0].when")) {
			t.Errorf("%s: the error does not name the field: %v", name, err)
		}
	}
}
