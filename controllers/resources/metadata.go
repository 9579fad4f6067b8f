// SPDX-License-Identifier: Apache-2.0

// Package resources builds the objects that a RealtimeService owns: one file per object, pure
// functions from a service to an object. An object has exactly the fields that the operator wants
// to own; it is meant for server-side apply. Nothing here uses a cluster or a clock.
package resources

import (
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The labels of all owned objects.
const (
	LabelName      = v1alpha1.LabelName
	LabelInstance  = v1alpha1.LabelInstance
	LabelComponent = v1alpha1.LabelComponent
	LabelPartOf    = v1alpha1.LabelPartOf
	LabelManagedBy = v1alpha1.LabelManagedBy
	// LabelService names the RealtimeService that an object belongs to.
	LabelService = v1alpha1.LabelService
)

// The annotations that the operator writes.
const (
	// annotationRecovery of the gateways' pod template changes with the settings of recovery, which
	// gateways read only when they start.
	annotationRecovery = "realtime-operator.io/recovery"
	// annotationAutoscaled of the gateways' autoscaler has the spec.gateway.replicas that has no
	// effect. It is passed on to their Deployment when the operator takes the number over, and
	// stays there for as long as the number is an autoscaler's.
	annotationAutoscaled = "realtime-operator.io/autoscaled-over-replicas"
	// annotationNATSRevision of NATS's pod template changes with everything that NATS reads only
	// when it starts.
	annotationNATSRevision = "realtime-operator.io/nats-revision"
	// annotationNATSTLS of the gateways' pod template says that they encrypt their connections to
	// the operator's own NATS. Gateways of a release that did not encrypt lack it.
	annotationNATSTLS = "realtime-operator.io/nats-tls"
)

const projectName = "realtime-operator"

// The values of the component label.
const (
	componentGateway = "gateway"
	componentNATS    = "nats"
)

// GatewayName returns the name of the Deployment of a service's gateways, and of related objects.
func GatewayName(service string) string { return service + "-gateway" }

// ConfigMapName returns the name of the ConfigMap that gateways read.
func ConfigMapName(service string) string { return service + "-config" }

// NATSName returns the name of the StatefulSet of a service's own NATS, and of related objects.
func NATSName(service string) string { return service + "-nats" }

// NATSSetName returns the name of the StatefulSet of a service's own NATS, and of the Service by
// which its servers find each other. It depends on the number of servers: the claims of a cluster
// are made by template, which a StatefulSet cannot have added, and a cluster cannot read what a
// single server has stored. It has to be short: a label of the pods has it, and a hash.
func NATSSetName(service string, servers int32) string {
	if servers == 1 {
		return NATSName(service)
	}
	return NATSName(service) + strconv.Itoa(int(servers))
}

// NATSCredentialsName returns the name of the Secret with the credentials of a service's own NATS.
func NATSCredentialsName(service string) string { return service + "-nats-credentials" }

// NATSCertificateName returns the name of the Secret with the certificate of a service's own NATS.
func NATSCertificateName(service string) string { return NATSName(service) + "-tls" }

// GatewayPeersName returns the name of the Secret by which a service's gateways authenticate each
// other.
func GatewayPeersName(service string) string { return GatewayName(service) + "-peers" }

// GatewaySelector selects a service's gateway pods. It can never change: a Deployment's selector is
// immutable.
func GatewaySelector(service string) map[string]string { return selector(service, componentGateway) }

// NATSSelector selects the pods of a service's own NATS.
func NATSSelector(service string) map[string]string { return selector(service, componentNATS) }

func selector(service, component string) map[string]string {
	return map[string]string{LabelService: service, LabelComponent: component}
}

func labels(service, component string) map[string]string {
	return map[string]string{
		LabelName:      "realtime-" + component,
		LabelInstance:  service,
		LabelComponent: component,
		LabelPartOf:    projectName,
		LabelManagedBy: projectName,
		LabelService:   service,
	}
}

// Identity returns the labels by which an object is known as a service's when it has lost its owner
// reference.
func Identity(service string) map[string]string {
	return map[string]string{LabelService: service, LabelManagedBy: projectName}
}

// owned returns the metadata of an object that is deleted with the service.
func owned(svc *v1alpha1.RealtimeService, name, component string) metav1.ObjectMeta {
	kind := v1alpha1.GroupVersion.WithKind("RealtimeService")
	return metav1.ObjectMeta{
		Name:            name,
		Namespace:       svc.Namespace,
		Labels:          labels(svc.Name, component),
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(svc, kind)},
	}
}
