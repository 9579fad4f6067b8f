// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// resolvedLasts is how long references that led somewhere are not followed again. Those that did
// not are followed each time: what is missing may be created at any time, and is not ours to watch.
const resolvedLasts = time.Minute

// resolution is what came of following the references of one generation of a service.
type resolution struct {
	generation int64
	at         time.Time
	unresolved []status.Unresolved
}

// resolve returns the references of the manifest that lead to nothing, those of the last time if an
// error prevents it.
func (r *Reconciler) resolve(ctx context.Context, svc *v1alpha1.RealtimeService) ([]status.Unresolved, error) {
	last, now := &r.memory.of(keyOf(svc)).resolved, r.Now()
	if last.generation == svc.Generation && len(last.unresolved) == 0 && now.Sub(last.at) < resolvedLasts {
		return nil, nil
	}
	var unresolved []status.Unresolved
	for _, reference := range status.References(svc) {
		problem, err := r.follow(ctx, svc.Namespace, reference)
		if err != nil {
			return last.unresolved, err
		}
		if problem.Reason != "" {
			unresolved = append(unresolved, status.Unresolved{Reference: reference, Problem: problem})
		}
	}
	*last = resolution{svc.Generation, now, unresolved}
	return unresolved, nil
}

// follow returns the problem with a reference; none if it leads somewhere.
func (r *Reconciler) follow(ctx context.Context, namespace string, reference status.Reference) (status.Problem, error) {
	secret, configMap := &corev1.Secret{}, &corev1.ConfigMap{}
	var object client.Object = secret
	if reference.Kind == "ConfigMap" {
		object = configMap
	}
	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: reference.Name}, object)
	if apierrors.IsNotFound(err) {
		return reference.Missing(), nil
	}
	if err != nil {
		return status.Problem{}, fmt.Errorf("read %s %s: %w", reference.Kind, reference.Name, err)
	}
	for _, key := range reference.Keys {
		if len(secret.Data[key]) == 0 {
			return reference.Lacks(key), nil
		}
	}
	return status.Problem{}, nil
}
