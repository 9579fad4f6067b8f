// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// certificateProblem returns what keeps new gateways from starting with their certificate for
// WebTransport; empty if nothing does. The Secret is read only while gateways are missing: it is
// not ours, and may be created at any time.
func (r *Reconciler) certificateProblem(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) (string, error) {
	name := resources.WebTransportSecret(svc)
	if name == "" || seen.Deployment == nil || status.RolledOut(seen.Deployment) && len(seen.Ready()) >= int(seen.Wanted(svc)) {
		return "", nil
	}
	secret := &corev1.Secret{}
	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: svc.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("Secret %s, which spec.protocol.webTransport names, does not exist", name), nil
	}
	if err != nil {
		return "", fmt.Errorf("read Secret %s: %w", name, err)
	}
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(secret.Data[key]) == 0 {
			return fmt.Sprintf("Secret %s, which spec.protocol.webTransport names, has no %s", name, key), nil
		}
	}
	return "", nil
}
