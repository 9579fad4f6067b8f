// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// applyPeers makes and renews what the service's gateways show to each other, before the gateways that mount it. It is read from the
// API server: a cache would need the right to list all Secrets.
func (r *Reconciler) applyPeers(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	key := client.ObjectKey{Namespace: svc.Namespace, Name: resources.GatewayPeersName(svc.Name)}
	secret := &corev1.Secret{}
	var live client.Object = secret
	err := r.Reader.Get(ctx, key, secret)
	switch {
	case apierrors.IsNotFound(err):
		live = nil
	case err != nil:
		return fmt.Errorf("read Secret %s: %w", key.Name, err)
	case !metav1.IsControlledBy(secret, svc):
		return &foreignError{"Secret " + key.Name}
	}
	data, err := certificates.RenewPeers(secret.Data, r.Now())
	if err != nil {
		return fmt.Errorf("renew the gateways' certificates: %w", err)
	}
	return r.applyOver(ctx, svc, live, resources.GatewayPeers(svc, data))
}
