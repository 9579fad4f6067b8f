// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestRollout(t *testing.T) {
	for name, tt := range map[string]struct {
		surge *intstr.IntOrString
		want  string
	}{
		"nothing said": {nil, "100%"},
		"a percentage": {ptr.To(intstr.FromString("25%")), "25%"},
		"a number":     {ptr.To(intstr.FromInt32(2)), "2"},
	} {
		t.Run(name, func(t *testing.T) {
			svc := service(t, func(spec *v1alpha1.RealtimeServiceSpec) {
				if tt.surge != nil {
					spec.Gateway.Rollout = &v1alpha1.RolloutSpec{MaxSurge: tt.surge}
				}
			})
			update := GatewayDeployment(svc, "image").Spec.Strategy.RollingUpdate
			if got := update.MaxSurge.String(); got != tt.want {
				t.Errorf("maxSurge is %s, want %s", got, tt.want)
			}
			if got := update.MaxUnavailable.String(); got != "0" {
				t.Errorf("maxUnavailable is %s", got)
			}
		})
	}
}
