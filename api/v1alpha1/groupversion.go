// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the RealtimeService API: its fields and their defaults.
//
// Defaults and most checks are in the schema that is generated from the markers in this package
// (config/crd); package validation has what a schema cannot express. The package imports no other
// package of the project, so that programs which create services depend on k8s.io modules alone.
//
// +kubebuilder:object:generate=true
// +groupName=realtime-operator.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every type here.
var GroupVersion = schema.GroupVersion{Group: "realtime-operator.io", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme registers the types of this package with a scheme.
var AddToScheme = schemeBuilder.AddToScheme

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &RealtimeService{}, &RealtimeServiceList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
