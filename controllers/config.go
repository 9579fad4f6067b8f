// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// applyConfig writes the gateways' configuration, unless they would refuse it: then they keep the
// last valid one, even after a restart.
func (r *Reconciler) applyConfig(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	if len(seen.Invalid) > 0 {
		return nil
	}
	wanted, live, err := r.numberedConfig(ctx, svc)
	if err != nil {
		return err
	}
	if err := r.Objects.ApplyOver(ctx, svc, live, wanted); err != nil {
		return err
	}
	seen.config = []byte(wanted.Data[resources.ConfigKey])
	seen.Revision = gatewaystatus.Revision(seen.config)
	return nil
}

// numberedConfig returns the wanted ConfigMap, and the live one, nil if there is none. If their
// content is equal, so is the number. Otherwise the wanted one has the next number, and can be
// applied over that version only: of two operators that write at the same time, as during an update
// of the operator, one fails, and reconciles again.
func (r *Reconciler) numberedConfig(ctx context.Context, svc *v1alpha1.RealtimeService) (*corev1.ConfigMap, client.Object, error) {
	live, same, err := r.sameConfig(ctx, svc, r.Client)
	if same != nil || err != nil {
		return same, live, err
	}
	// The cache may be outdated, or lack the ConfigMap because it has no label.
	live, same, err = r.sameConfig(ctx, svc, r.Reader)
	if same != nil || err != nil {
		return same, live, err
	}
	last := int64(0)
	if live != nil {
		last = gatewayconfig.Sequence(live.GetAnnotations())
	}
	next, err := resources.ConfigMap(svc, gatewayconfig.Next(last, r.Now()))
	if err == nil && live != nil {
		next.ResourceVersion = live.GetResourceVersion()
	}
	return next, live, err
}

// sameConfig returns the live ConfigMap that a reader finds, nil if there is none, and the wanted
// one with the same number; same is nil if their content differs.
func (r *Reconciler) sameConfig(ctx context.Context, svc *v1alpha1.RealtimeService, from client.Reader) (live client.Object, same *corev1.ConfigMap, err error) {
	name := resources.ConfigMapName(svc.Name)
	found := &corev1.ConfigMap{}
	err = from.Get(ctx, client.ObjectKey{Namespace: svc.Namespace, Name: name}, found)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read ConfigMap %s: %w", name, err)
	}
	if err := r.Objects.Check("ConfigMap "+name, found, svc); err != nil {
		return nil, nil, err
	}
	wanted, err := resources.ConfigMap(svc, gatewayconfig.Sequence(found.Annotations))
	if err != nil || wanted.Data[resources.ConfigKey] != found.Data[resources.ConfigKey] {
		return found, nil, err
	}
	return found, wanted, nil
}
