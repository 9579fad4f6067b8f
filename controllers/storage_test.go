// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Otherwise the API server would refuse the claim, and the service would stand still.
func TestWhatAClaimCannotChangeIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		before v1alpha1.StorageSpec
		how    func(*v1alpha1.StorageSpec)
		want   string
	}{
		"smaller": {v1alpha1.StorageSpec{Persistent: true}, func(s *v1alpha1.StorageSpec) { s.Size = resource.MustParse("1000M") },
			"spec.recovery.storage.size: Invalid value: cannot become smaller"},
		"larger":     {v1alpha1.StorageSpec{Persistent: true}, func(s *v1alpha1.StorageSpec) { s.Size = resource.MustParse("2Gi") }, ""},
		"as large":   {v1alpha1.StorageSpec{Persistent: true}, func(s *v1alpha1.StorageSpec) { s.Size = resource.MustParse("1024Mi") }, ""},
		"no claim":   {v1alpha1.StorageSpec{}, func(s *v1alpha1.StorageSpec) { s.Size = resource.MustParse("100Mi") }, ""},
		"as a claim": {v1alpha1.StorageSpec{}, func(s *v1alpha1.StorageSpec) { s.Size, s.Persistent = resource.MustParse("100Mi"), true }, ""},
		"no longer a claim": {v1alpha1.StorageSpec{Persistent: true, StorageClassName: ptr.To("a")},
			func(s *v1alpha1.StorageSpec) { *s = v1alpha1.StorageSpec{Size: resource.MustParse("100Mi")} }, ""},
		"another class": {v1alpha1.StorageSpec{Persistent: true, StorageClassName: ptr.To("a")},
			func(s *v1alpha1.StorageSpec) { s.StorageClassName = ptr.To("b") }, "spec.recovery.storage.storageClassName: Invalid value: cannot be changed"},
		"the default class": {v1alpha1.StorageSpec{Persistent: true, StorageClassName: ptr.To("a")},
			func(s *v1alpha1.StorageSpec) { s.StorageClassName = nil }, "spec.recovery.storage.storageClassName: Invalid value: cannot be changed"},
		"a class for a claim without one": {v1alpha1.StorageSpec{Persistent: true},
			func(s *v1alpha1.StorageSpec) { s.StorageClassName = ptr.To("a") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, namespace := useCluster(t)
			svc := &v1alpha1.RealtimeService{}
			svc.Name, svc.Namespace = "chat", namespace
			svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/"}}
			test.before.Size = resource.MustParse("1Gi")
			svc.Spec.Recovery = &v1alpha1.RecoverySpec{Storage: test.before}
			if err := c.Create(t.Context(), svc); err != nil {
				t.Fatal(err)
			}
			before := svc.DeepCopy()
			test.how(&svc.Spec.Recovery.Storage)
			err := c.Patch(t.Context(), svc, client.MergeFrom(before), client.DryRunAll)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}
