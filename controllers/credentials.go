// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// hurryCredentials makes kubelets bring the credentials of the service's own NATS to gateways that
// it does not let in. A kubelet looks at a Secret once a minute on its own, and at once when the
// pod changes; a gateway reads it at each attempt to connect.
func (r *Reconciler) hurryCredentials(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) {
	if !resources.OwnNATS(svc) || !seen.natsReady || seen.revision == "" {
		return
	}
	now := r.Now()
	for _, g := range cutOff(seen.ready()) {
		if !touchDue(g.pod, seen.revision, now, steadyInterval) {
			continue
		}
		if err := r.touch(ctx, g.pod, seen.revision, now); err != nil {
			// The next look tries again.
			log.FromContext(ctx).Error(err, "cannot hurry a gateway's credentials", "pod", g.pod.Name)
		}
	}
}
