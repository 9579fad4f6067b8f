// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestTheStatusTellsWhatLimitsTheNumberOfGateways(t *testing.T) {
	autoscaling := &v1alpha1.AutoscalingSpec{MaxReplicas: 8, TargetConnections: ptr.To[int32](100)}
	blind := &autoscalingv2.HorizontalPodAutoscaler{}
	blind.Status.Conditions = []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionFalse, Message: "no metrics"}}
	seeing := blind.DeepCopy()
	seeing.Status.Conditions[0].Status = corev1.ConditionTrue
	ready := []Gateway{{Ready: true}, {Ready: true}}
	for name, test := range map[string]struct {
		autoscaling *v1alpha1.AutoscalingSpec
		gateways    int32 // of the Deployment
		descends    bool
		scaling     Scaling
		want        string // of ScalingLimited; empty if it is absent
		status      string // of spec.autoscaling
	}{
		"no autoscaling":               {nil, 3, false, Scaling{}, "", ""},
		"autoscaling was removed":      {nil, 3, true, Scaling{}, "True AutoscalingRemoved 3", ""},
		"all is well":                  {autoscaling, 3, false, Scaling{Floor: 3, Needed: 3, Autoscaler: seeing}, "False WithinLimits 3", "3 35/100"},
		"by CPU alone":                 {&v1alpha1.AutoscalingSpec{MaxReplicas: 8}, 3, false, Scaling{Floor: 1, Needed: 1}, "False WithinLimits 3", ""},
		"too many clients":             {autoscaling, 8, false, Scaling{Floor: 8, Needed: 9, Held: true}, "True TooManyClients 8", "8 35/100"},
		"silent gateways":              {autoscaling, 3, false, Scaling{Floor: 3, Needed: 3, Held: true}, "True GatewaysSilent 3", "3 35/100"},
		"no metrics":                   {autoscaling, 4, false, Scaling{Floor: 3, Needed: 3, Autoscaler: blind}, "True NoMetrics 4", "3 35/100"},
		"no metrics, and no need":      {autoscaling, 3, false, Scaling{Floor: 3, Needed: 3, Autoscaler: blind}, "False WithinLimits 3", "3 35/100"},
		"what could not be seen stays": {autoscaling, 3, false, Scaling{}, "True as before 3", "5 before"},
	} {
		t.Run(name, func(t *testing.T) {
			svc := &v1alpha1.RealtimeService{}
			svc.Spec.Gateway.Autoscaling = test.autoscaling
			svc.Status.Autoscaling = &v1alpha1.AutoscalingStatus{Floor: 5, Load: "before"}
			meta.SetStatusCondition(&svc.Status.Conditions, limited("as before", ""))
			deployment := &appsv1.Deployment{}
			deployment.Spec.Replicas = &test.gateways
			Fill(svc, &Observation{Deployment: deployment, Gateways: ready, Descends: test.descends, Scaling: test.scaling, Connections: 70}, "")
			got, wanted := "", svc.Status.Gateways[len("2/"):]
			if c := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionScalingLimited); c != nil {
				got = string(c.Status) + " " + c.Reason + " " + wanted
			}
			if got != test.want {
				t.Errorf("ScalingLimited is %q, want %q", got, test.want)
			}
			told := ""
			if a := svc.Status.Autoscaling; a != nil {
				told = fmt.Sprint(a.Floor) + " " + a.Load
			}
			if told != test.status || svc.Status.Connections != 70 {
				t.Errorf("the status tells %q of %d connections, want %q", told, svc.Status.Connections, test.status)
			}
		})
	}
}

// An operator that starts, or a new gateway, is silent for a moment, which is no event.
func TestEventsTellWhatAPersonMustChangeAboutTheNumberOfGateways(t *testing.T) {
	for reason, trouble := range map[string]bool{
		ReasonWithinLimits: false, ReasonGatewaysSilent: false, ReasonAutoscalingRemoved: false,
		ReasonTooManyClients: true, ReasonNoMetrics: true,
	} {
		if isTrouble(reason) != trouble {
			t.Errorf("%s is a trouble: %t", reason, !trouble)
		}
	}
}
