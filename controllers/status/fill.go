// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// messageLimit keeps messages of gateways and the API server readable; conditions may have longer
// ones.
const messageLimit = 2048

// Fill sets the status of a service to what was seen. The selector is that of its gateway pods.
func Fill(svc *v1alpha1.RealtimeService, seen *Observation, selector string) {
	status := &svc.Status
	status.ObservedGeneration = svc.Generation
	status.Replicas = 0
	if seen.Deployment != nil {
		status.Replicas = seen.Deployment.Status.Replicas
	}
	// The Deployment's own count lags behind the pods.
	status.ReadyReplicas = int32(len(seen.Ready()))
	status.Gateways = fmt.Sprintf("%d/%d", status.ReadyReplicas, seen.Wanted(svc))
	status.Connections = seen.connections()
	status.Selector = selector
	for _, condition := range conditions(svc, seen) {
		condition.ObservedGeneration = svc.Generation
		condition.Message = Shortened(condition.Message, messageLimit)
		meta.SetStatusCondition(&status.Conditions, condition)
	}
}

// Shortened returns a text of at most limit bytes.
func Shortened(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	cut := limit - len(more)
	for cut > 0 && text[cut]&0xC0 == 0x80 { // not within a character
		cut--
	}
	return text[:cut] + more
}
