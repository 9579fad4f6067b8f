// SPDX-License-Identifier: Apache-2.0

package updates

import (
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestCause(t *testing.T) {
	age := func(d time.Duration) v1alpha1.Age { return v1alpha1.Age{Duration: v1alpha1.Duration{Duration: d}} }
	windows := v1alpha1.UpdatePolicySpec{Type: v1alpha1.UpdateInWindow, Windows: []v1alpha1.MaintenanceWindow{
		{Schedule: "no schedule", Duration: age(time.Hour)}, // which validation reports
		{Schedule: "0 3 * * *", Duration: age(time.Hour)},
		{Schedule: "0 1 * * *", Duration: age(time.Hour)},
	}}
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 28, hour, minute, 0, 0, time.UTC) }
	for name, tt := range map[string]struct {
		policy    v1alpha1.UpdatePolicySpec
		request   string
		fulfilled string
		now       time.Time
		want      string
		opens     time.Time
	}{
		"nothing said":            {v1alpha1.UpdatePolicySpec{}, "", "", at(0, 0), "", time.Time{}},
		"a request":               {v1alpha1.UpdatePolicySpec{}, "a", "", at(0, 0), "requested as a", time.Time{}},
		"the same request":        {v1alpha1.UpdatePolicySpec{}, "a", "a", at(0, 0), "", time.Time{}},
		"another request":         {v1alpha1.UpdatePolicySpec{}, "b", "a", at(0, 0), "requested as b", time.Time{}},
		"a request taken back":    {v1alpha1.UpdatePolicySpec{}, "", "a", at(0, 0), "", time.Time{}},
		"at once":                 {v1alpha1.UpdatePolicySpec{Type: v1alpha1.UpdateImmediately}, "", "", at(0, 0), "its policy is Immediate", time.Time{}},
		"windows of another type": {v1alpha1.UpdatePolicySpec{Type: v1alpha1.UpdateOnRequest, Windows: windows.Windows}, "", "", at(3, 30), "", time.Time{}},
		"before the windows":      {windows, "", "", at(0, 0), "", at(1, 0)},
		"in the later one listed": {windows, "", "", at(1, 30), "the window 0 1 * * * is open", time.Time{}},
		"between the windows":     {windows, "", "", at(2, 0), "", at(3, 0)},
		"a request before them":   {windows, "a", "", at(0, 0), "requested as a", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			svc := &v1alpha1.RealtimeService{}
			svc.Spec.Gateway.UpdatePolicy = tt.policy
			svc.Annotations = map[string]string{v1alpha1.AnnotationUpdate: tt.request}
			cause, opens := Cause(svc, tt.fulfilled, tt.now)
			if cause != tt.want || !opens.Equal(tt.opens) {
				t.Errorf("%q, %v", cause, opens)
			}
		})
	}
}
