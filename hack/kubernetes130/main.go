// SPDX-License-Identifier: Apache-2.0

// Command kubernetes130 reads objects in YAML from standard input, and fails unless the types of
// Kubernetes 1.30 have all of their fields:
//
//	helm template x charts/realtime-operator | go run -C hack/kubernetes130 .
//
// It has a module of its own, since a program has the types of one release of Kubernetes.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	count, err := decode(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubernetes130:", err)
		os.Exit(1)
	}
	fmt.Println(count, "objects")
}

// decode decodes all objects, and returns the errors of all.
func decode(r io.Reader) (count int, err error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admissionregistrationv1.AddToScheme, appsv1.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme,
		apiextensionsv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(r))
	var all []error
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return count, errors.Join(all...)
		}
		if err != nil {
			return count, err
		}
		json, err := yaml.ToJSON(document)
		if err != nil {
			return count, err
		}
		if string(json) == "null" {
			continue
		}
		if _, kind, err := decoder.Decode(json, nil, nil); err != nil {
			all = append(all, fmt.Errorf("%v: %w", kind, err))
		}
		count++
	}
}
