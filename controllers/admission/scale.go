// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"encoding/json"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/api/validation"
)

// ScalePath is the path that the API server calls before a service is scaled, as by kubectl scale.
const ScalePath = "/warn-realtime-operator-io-v1alpha1-realtimeservice-scale"

// scaleWarner warns those who scale a service that has an autoscaler, which has no effect. It
// refuses nothing. Safe for concurrent use.
type scaleWarner struct {
	services client.Reader
}

var _ admission.Handler = scaleWarner{}

// Handle allows the request.
func (w scaleWarner) Handle(ctx context.Context, request admission.Request) admission.Response {
	var scale autoscalingv1.Scale
	svc := &v1alpha1.RealtimeService{}
	if json.Unmarshal(request.Object.Raw, &scale) != nil ||
		w.services.Get(ctx, client.ObjectKey{Namespace: request.Namespace, Name: request.Name}, svc) != nil {
		return admission.Allowed("")
	}
	autoscaling, replicas := svc.Spec.Gateway.Autoscaling, scale.Spec.Replicas
	if autoscaling == nil || replicas == ptr.Deref(svc.Spec.Gateway.Replicas, 1) {
		return admission.Allowed("")
	}
	return admission.Allowed("").WithWarnings(validation.IgnoredReplicas(replicas, autoscaling))
}
