// SPDX-License-Identifier: Apache-2.0

// Package admission validates services at `kubectl apply`, where the schema of the
// CustomResourceDefinition cannot: above all whether expressions compile.
package admission

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/api/validation"
)

// Path is the path that the API server calls.
const Path = "/validate-realtime-operator-io-v1alpha1-realtimeservice"

// Register serves the validator at Path of the manager's webhook server, and warnings at ScalePath.
func Register(mgr ctrl.Manager) {
	mgr.GetWebhookServer().Register(ScalePath, &admission.Webhook{Handler: scaleWarner{mgr.GetClient()}})
	mgr.GetWebhookServer().Register(Path, admission.WithValidator(mgr.GetScheme(), Validator{}))
}

// Validator refuses services that no gateway could run. Safe for concurrent use.
type Validator struct{}

var _ admission.Validator[*v1alpha1.RealtimeService] = Validator{}

// ValidateCreate validates a new service.
func (Validator) ValidateCreate(_ context.Context, svc *v1alpha1.RealtimeService) (admission.Warnings, error) {
	return nil, judge(svc)
}

// ValidateUpdate validates a changed spec, and warns of changes that may not be meant. An unchanged
// one is accepted: a service that an older operator has accepted can still be labeled and deleted.
func (Validator) ValidateUpdate(_ context.Context, before, svc *v1alpha1.RealtimeService) (admission.Warnings, error) {
	if equality.Semantic.DeepEqual(before.Spec, svc.Spec) {
		return nil, nil
	}
	return validation.Warnings(before, svc), judge(svc)
}

// ValidateDelete accepts every deletion.
func (Validator) ValidateDelete(context.Context, *v1alpha1.RealtimeService) (admission.Warnings, error) {
	return nil, nil
}

// judge returns an error that names each invalid field and what is wrong with it.
func judge(svc *v1alpha1.RealtimeService) error {
	errs := validation.Service(svc)
	if len(errs) == 0 {
		return nil
	}
	kind := v1alpha1.GroupVersion.WithKind("RealtimeService").GroupKind()
	return apierrors.NewInvalid(kind, svc.Name, errs)
}
