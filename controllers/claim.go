// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// reasonYielded is the reason of an event of an operator that leaves a service to another one.
const reasonYielded = "LeftToAnotherOperator"

// yieldPace is how often an operator looks whether another one still looks after a service.
const yieldPace = 30 * time.Second

// claim claims the service for this installation. If it is another's, claim says so, and returns
// how long to wait before looking again.
func (r *Reconciler) claim(ctx context.Context, svc *v1alpha1.RealtimeService) (pause time.Duration, err error) {
	other, err := r.Claims.Take(ctx, svc)
	if apierrors.IsConflict(err) {
		return firstRetry, nil // somebody else has written meanwhile, perhaps a claim
	}
	if err != nil {
		return 0, err
	}
	remembered := r.memory.of(keyOf(svc))
	if other == nil {
		remembered.yielded = v1alpha1.OperatorClaim{}
		return 0, nil
	}
	r.Turns.Give(keyOf(svc))
	if remembered.yielded != *other {
		self := r.Claims.Self
		const note = "operator %s/%s looks after this service; operator %s/%s leaves it alone"
		r.event(svc, nil, corev1.EventTypeNormal, reasonYielded, "Reconcile", note, other.Namespace, other.Name, self.Namespace, self.Name)
		log.FromContext(ctx).Info("another operator looks after the service", "operator", other.Namespace+"/"+other.Name)
		remembered.yielded = *other
	}
	return yieldPace, nil
}
