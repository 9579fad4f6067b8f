// SPDX-License-Identifier: Apache-2.0

package exposure

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The reasons of the condition Exposed. Those of routes that a Gateway has not accepted come in
// addition, as its controller names them (Gateway API, RouteConditionReason).
const (
	// ReasonExposed: everything that was made is accepted.
	ReasonExposed = "Exposed"
	// ReasonPending: no controller has said anything yet.
	ReasonPending = "Pending"
	// ReasonKindMissing: the cluster does not have the resources of Gateway API.
	ReasonKindMissing = "KindMissing"
	// ReasonClassMissing: there is no such IngressClass, or none that is the default.
	ReasonClassMissing = "IngressClassMissing"
	// ReasonGatewayMissing: there is no such Gateway.
	ReasonGatewayMissing = "GatewayMissing"
)

// Verdict is what is known of a service's exposure.
type Verdict struct {
	// Status, Reason and Message are those of the condition.
	Status          metav1.ConditionStatus
	Reason, Message string
	// URL is where clients reach the service; empty if they do not.
	URL string
}

// Condition is the condition Exposed.
func (v Verdict) Condition() metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionExposed, Status: v.Status, Reason: v.Reason, Message: v.Message}
}

func pending(format string, args ...any) Verdict { return not(ReasonPending, format, args...) }

func not(reason, format string, args ...any) Verdict {
	return Verdict{Status: metav1.ConditionFalse, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func exposed(url, format string, args ...any) Verdict {
	return Verdict{Status: metav1.ConditionTrue, Reason: ReasonExposed, Message: fmt.Sprintf(format, args...), URL: url}
}

// KindMissing is the verdict for routes of a kind that the cluster does not have.
func KindMissing(kind string) Verdict {
	return not(ReasonKindMissing, "this cluster has no %s: install the resources of Gateway API (gateway-api.sigs.k8s.io)%s", kind, channel(kind))
}

// channel says where a kind is that is not in the standard channel.
func channel(kind string) string {
	if kind == "UDPRoute" {
		return ", of its experimental channel"
	}
	return ""
}
