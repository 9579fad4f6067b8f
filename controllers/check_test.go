// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/controllers/installation"
)

func TestTheInstallationIsChecked(t *testing.T) {
	c, namespace := useCluster(t)
	var out bytes.Buffer
	check := installation.Check{
		Client: c.clientOfHelmTest(t), Namespace: namespace, Webhook: true, Out: &out,
		Lease: client.ObjectKey{Namespace: system, Name: "realtime-operator"},
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := check.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"the API server accepts a RealtimeService",
		"the webhook refuses a RealtimeService that cannot run",
		"the leader of the operator renews its Lease",
	}, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Error(diff)
	}

	dead := c.newNamespace(t, unjudged)
	c.installDeadWebhook(t, dead)
	for name, test := range map[string]struct {
		change func(*installation.Check)
		want   string
	}{
		"a namespace that does not exist": {func(c *installation.Check) { c.Namespace = "missing" }, "create the namespace missing"},
		"nobody asks the webhook":         {func(check *installation.Check) { check.Namespace = c.newNamespace(t, unjudged) }, "was accepted"},
		"the webhook does not answer":     {func(c *installation.Check) { c.Namespace = dead }, "reach port 9443"},
		"nobody leads":                    {func(c *installation.Check) { c.Lease.Name = "missing" }, "see why the operator's pods do not run"},
	} {
		t.Run(name, func(t *testing.T) {
			failing := check
			test.change(&failing)
			eventually(t, test.want, func() error { // the API server hears of webhooks and namespaces late
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				err := failing.Run(ctx)
				if err == nil {
					t.Fatal("the check succeeds")
				}
				return contains(err.Error(), test.want)
			})
		})
	}
}

// clientOfHelmTest returns a client with the rights that the chart gives to the pod of helm test,
// in all namespaces.
func (c *cluster) clientOfHelmTest(t *testing.T) client.Client {
	t.Helper()
	const name = "helm-test"
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"realtime-operator.io"}, Resources: []string{"realtimeservices"}, Verbs: []string{"create"}},
			{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get"}},
		},
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
	}
	for _, object := range []client.Object{role, binding} {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	config := rest.CopyConfig(c.admin)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated"}}
	limited, err := client.New(config, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return limited
}
