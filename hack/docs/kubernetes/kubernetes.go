// SPDX-License-Identifier: Apache-2.0

// Package kubernetes knows which fields of a RealtimeService have types of Kubernetes, which
// Kubernetes documents.
package kubernetes

import "fmt"

// Type is a type of Kubernetes.
type Type struct {
	// Name is that of the Go type.
	Name string
	// Page is its documentation, below that of the Kubernetes API.
	Page string
}

// Link returns a link to the documentation, as Markdown.
func (t Type) Link() string {
	return fmt.Sprintf("[%s](https://kubernetes.io/docs/reference/kubernetes-api/%s)", t.Name, t.Page)
}

// Types returns the types by the fields that have them, such as spec.gateway.tolerations.
func Types() map[string]Type {
	peers := Type{"NetworkPolicyPeer", "policy-resources/network-policy-v1/"}
	reference := Type{"LocalObjectReference", "common-definitions/local-object-reference/"}
	types := map[string]Type{
		"spec.gateway.env":               {"EnvVar", "workload-resources/pod-v1/#environment-variables"},
		"spec.nats.credentialsSecretRef": reference,
		"spec.networkPolicy.clients":     peers,
		"spec.networkPolicy.publishers":  peers,
		"spec.networkPolicy.monitoring":  peers,
		"spec.networkPolicy.nats":        peers,
		"status.conditions":              {"Condition", "common-definitions/condition/"},
	}
	for _, pod := range []string{"spec.gateway", "spec.nats.managed"} {
		types[pod+".affinity"] = Type{"Affinity", "workload-resources/pod-v1/#scheduling"}
		types[pod+".imagePullSecrets"] = reference
		types[pod+".resources"] = Type{"ResourceRequirements", "workload-resources/pod-v1/#resources"}
		types[pod+".tolerations"] = Type{"Toleration", "workload-resources/pod-v1/#scheduling"}
		types[pod+".topologySpreadConstraints"] = Type{"TopologySpreadConstraint", "workload-resources/pod-v1/#scheduling"}
	}
	return types
}
