//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What OpenShift has, as far as pods notice it: the API group of security context constraints, and
// an admission that refuses pods that choose their user, and assigns one to the others. A user has
// no name there, and the group 0.
const openShift = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: securitycontextconstraints.security.openshift.io}
spec:
  group: security.openshift.io
  scope: Cluster
  names: {plural: securitycontextconstraints, singular: securitycontextconstraints, kind: SecurityContextConstraints}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: e2e-openshift}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [openshift, realtime-operator-system]}]}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  matchConditions:
  - name: chooses-none
    expression: "!has(object.spec.securityContext.runAsUser) && !has(object.spec.securityContext.runAsGroup) && !has(object.spec.securityContext.fsGroup)"
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: "Object{spec: Object.spec{securityContext: Object.spec.securityContext{runAsUser: 1000650000, runAsGroup: 0, fsGroup: 1000650000}}}"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: e2e-openshift}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [openshift, realtime-operator-system]}]}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations:
  - expression: object.spec.securityContext.runAsUser == 1000650000
    message: the pod may not choose its user
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: e2e-openshift}
spec: {policyName: e2e-openshift, validationActions: [Deny]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: e2e-openshift}
spec: {policyName: e2e-openshift}
`

// TestOpenShift installs the chart where user ids are assigned. Helm and the operator notice it by
// themselves, and all programs run as a user that no image knows, with a disk.
func TestOpenShift(t *testing.T) {
	if output, err := tryKubectl(t, openShift, "apply", "--filename=-"); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, output)
	}
	t.Cleanup(func() {
		if output, err := tryKubectl(t, openShift, "delete", "--ignore-not-found", "--filename=-"); err != nil {
			t.Errorf("kubectl delete: %v\n%s", err, output)
		}
	})
	namespace := newNamespace(t, "openshift")
	awaitAssignment(t, namespace)
	helmInstall(t, "../../charts/realtime-operator", setting(t, "IMAGE"))

	s := apply(t, namespace, edit(t, withReplicas(t, sample(t, "chat"), 2), map[string]any{
		"spec.recovery": map[string]any{"maxDisconnection": "1m", "storage": map[string]any{"size": "64Mi"}},
	}))
	for _, of := range []string{namespace, operatorNamespace} {
		ids := kubectl(t, "--namespace", of, "get", "pods", `--output=jsonpath={range .items[*]}{.spec.securityContext.runAsUser}:{.spec.securityContext.runAsGroup} {end}`)
		for _, id := range strings.Fields(ids) {
			if id != "1000650000:0" {
				t.Errorf("a pod of %s runs as %s", of, id)
			}
		}
	}
	c := startClients(t)
	c.connect("ada", s.url())
	c.emit("ada", "join", "Ada")
	c.wait("ada", "systemMessage", 5*time.Second, says("Ada"))
}

// awaitAssignment waits until the API server has the policy in force.
func awaitAssignment(t *testing.T, namespace string) {
	t.Helper()
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: probe}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}%s}
  containers: [{name: probe, image: none, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
`
	create := func(ids string) (string, error) {
		return tryKubectl(t, fmt.Sprintf(pod, ids), "--namespace", namespace, "create", "--dry-run=server", "--output=jsonpath={.spec.securityContext.runAsUser}", "--filename=-")
	}
	eventually(t, 60*time.Second, "user ids are assigned", func() error {
		id, err := create("")
		if err != nil {
			return err
		}
		if id != "1000650000" {
			return fmt.Errorf("the user is %s", id)
		}
		if id, err := create(", runAsUser: 65532"); err == nil {
			return fmt.Errorf("a pod may choose its user, %s", id)
		}
		return nil
	})
}
