// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// On OpenShift the security context constraints of a namespace choose the ids of its pods, and
// refuse pods that choose others.
func TestOpenShiftAssignsUserIDs(t *testing.T) {
	main, _ := useCluster(t)
	ids := func(c *cluster, namespace string) (found []*int64) {
		s := create(t, c, namespace, plain)
		set, deployment := &appsv1.StatefulSet{}, &appsv1.Deployment{}
		await(s, "chat-nats", set, there)
		await(s, "chat-gateway", deployment, there)
		for _, pod := range []corev1.PodSpec{set.Spec.Template.Spec, deployment.Spec.Template.Spec} {
			if !*pod.SecurityContext.RunAsNonRoot {
				t.Error("pods may run as root")
			}
			found = append(found, pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup, pod.SecurityContext.FSGroup)
		}
		return found
	}
	for _, id := range ids(main, main.newNamespace(t)) {
		if id == nil {
			t.Error("a cluster that is not OpenShift has to choose an id")
		}
	}

	c, err := startCluster(main.asked, []string{"shift"}, func(e *envtest.Environment) { e.CRDs = append(e.CRDs, securityContextConstraints()) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, id := range ids(c, "shift") {
		if id != nil {
			t.Errorf("the operator chooses id %d", *id)
		}
	}
}

// securityContextConstraints are a CRD of OpenShift's, without the fields.
func securityContextConstraints() *apiextensionsv1.CustomResourceDefinition {
	const group, plural = "security.openshift.io", "securitycontextconstraints"
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%s", plural, group)},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group,
			Scope: apiextensionsv1.ClusterScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Singular: plural, Kind: "SecurityContextConstraints", ListKind: "SecurityContextConstraintsList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}},
			}},
		},
	}
}
