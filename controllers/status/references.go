// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Reference is a Secret or ConfigMap that a manifest names.
type Reference struct {
	// Field is the field that names it.
	Field string
	// Kind is Secret or ConfigMap.
	Kind, Name string
	// Keys must be in it.
	Keys []string
	// Needed reports whether no gateway starts without it.
	Needed bool
}

// References returns what a manifest names, by what the gateways need first.
func References(svc *v1alpha1.RealtimeService) []Reference {
	const secret, configMap = "Secret", "ConfigMap"
	var all []Reference
	if nats := svc.Spec.NATS; nats != nil && nats.CredentialsSecretRef != nil {
		all = append(all, Reference{"spec.nats.credentialsSecretRef", secret, nats.CredentialsSecretRef.Name, nil, true})
	}
	if transport := svc.Spec.Protocol.WebTransport; transport != nil {
		all = append(all, Reference{"spec.protocol.webTransport", secret, transport.TLSSecretRef.Name,
			[]string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}, true})
	}
	if api := svc.Spec.API; api != nil {
		all = append(all, Reference{"spec.api.tokenSecretRef", secret, api.TokenSecretRef.Name, []string{api.TokenSecretRef.Key}, false})
	}
	for _, name := range svc.AuthenticationSecrets() {
		all = append(all, Reference{"spec.authentication", secret, name, nil, false})
	}
	for _, name := range svc.AuthenticationConfigMaps() {
		all = append(all, Reference{"spec.authentication", configMap, name, nil, false})
	}
	return all
}

// Missing returns the problem that a reference leads to nothing.
func (r Reference) Missing() Problem {
	reason := ReasonSecretMissing
	if r.Kind == "ConfigMap" {
		reason = ReasonConfigMapMissing
	}
	return Problem{reason, fmt.Sprintf("%s %s, which %s names, does not exist", r.Kind, r.Name, r.Field)}
}

// Lacks returns the problem that what a reference leads to has no such key.
func (r Reference) Lacks(key string) Problem {
	return Problem{ReasonKeyMissing, fmt.Sprintf("%s %s, which %s names, has no %s", r.Kind, r.Name, r.Field, key)}
}

// Unresolved is a reference that leads to nothing.
type Unresolved struct {
	Reference
	Problem
}

func referencesCondition(seen *Observation) metav1.Condition {
	condition := metav1.Condition{
		Type: v1alpha1.ConditionResolvedRefs, Status: metav1.ConditionTrue, Reason: ReasonResolved,
		Message: "the Secrets and ConfigMaps that the service names are there",
	}
	for i, unresolved := range seen.Unresolved {
		if i > 0 {
			condition.Message += "; " + unresolved.Message
			continue
		}
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, unresolved.Reason, unresolved.Message
	}
	return condition
}

// neededReference returns the problem of a reference without which no gateway starts.
func (o *Observation) neededReference() Problem {
	for _, unresolved := range o.Unresolved {
		if unresolved.Needed {
			return unresolved.Problem
		}
	}
	return Problem{}
}
