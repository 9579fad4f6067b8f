//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func testDeletedService(t *testing.T) {
	namespace := newNamespace(t, "deleted")
	const kinds = "deployments,replicasets,statefulsets,controllerrevisions,pods,services,endpointslices,configmaps,secrets," +
		"serviceaccounts,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,persistentvolumeclaims,realtimeservices"
	objects := func() []string {
		names := strings.Fields(kubectl(t, "--namespace", namespace, "get", kinds, "--output=name"))
		return slices.DeleteFunc(names, func(name string) bool { // what every namespace has
			return name == "serviceaccount/default" || name == "configmap/kube-root-ca.crt"
		})
	}
	s := apply(t, namespace, edit(t, sample(t, "chat"), map[string]any{"spec.networkPolicy": map[string]any{}}))
	owned := objects()
	if len(owned) < 10 {
		t.Fatalf("the service owns no more than %v", owned)
	}
	for _, policy := range []string{"chat-gateway", "chat-nats"} {
		if !slices.Contains(owned, "networkpolicy.networking.k8s.io/"+policy) {
			t.Errorf("there is no NetworkPolicy %s: %v", policy, owned)
		}
	}

	s.kubectl("delete", "rts/"+s.name, "--timeout=1m")

	eventually(t, 90*time.Second, "nothing of the service is left", func() error {
		if left := objects(); len(left) > 0 {
			return fmt.Errorf("there is %v", left)
		}
		return nil
	})
}
