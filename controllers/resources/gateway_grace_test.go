// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func leaving(grace *int64, rate *int32) func(*v1alpha1.RealtimeServiceSpec) {
	return func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.Gateway.TerminationGracePeriodSeconds = grace
		if rate != nil {
			spec.Gateway.Drain = &v1alpha1.DrainSpec{Rate: rate}
		}
	}
}

func TestGracePeriod(t *testing.T) {
	for name, tt := range map[string]struct {
		grace *int64
		rate  *int32
		want  int64
		args  []string
	}{
		"nothing said":     {nil, nil, 30, []string{"--drain=20s", "--drain-limit=20s"}},
		"a grace":          {ptr.To[int64](150), nil, 150, []string{"--drain=1m40s", "--drain-limit=2m20s"}},
		"a rate":           {nil, ptr.To[int32](100), 3600, []string{"--drain=40m0s", "--drain-limit=59m50s"}},
		"a grace and rate": {ptr.To[int64](60), ptr.To[int32](100), 60, []string{"--drain=40s", "--drain-limit=50s"}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := GatewayDeployment(service(t, leaving(tt.grace, tt.rate)), "image").Spec.Template.Spec
			if got := *pod.TerminationGracePeriodSeconds; got != tt.want {
				t.Errorf("the grace period is %d, want %d", got, tt.want)
			}
			for _, arg := range tt.args {
				if !slices.Contains(pod.Containers[0].Args, arg) {
					t.Errorf("%q lacks %s", pod.Containers[0].Args, arg)
				}
			}
		})
	}
}

func TestAnotherRateReachesGatewaysThatRun(t *testing.T) {
	slow, fast := service(t, leaving(nil, ptr.To[int32](10))), service(t, leaving(nil, ptr.To[int32](99)))
	if diff := cmp.Diff(GatewayDeployment(slow, "image"), GatewayDeployment(fast, "image")); diff != "" {
		t.Errorf("gateways are replaced, at the old rate: %s", diff)
	}
	config, err := ConfigMap(fast, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(config.Data[ConfigKey], "rate: 99") {
		t.Errorf("the configuration does not name the rate: %s", config.Data[ConfigKey])
	}
}

func TestConnectionsDoNotChangeThePodTemplate(t *testing.T) {
	svc := service(t, leaving(nil, ptr.To[int32](10)))
	before := GatewayDeployment(svc, "image")
	svc.Status.Connections, svc.Status.ReadyReplicas = 100_000, 2
	if diff := cmp.Diff(before, GatewayDeployment(svc, "image")); diff != "" {
		t.Error(diff)
	}
}
