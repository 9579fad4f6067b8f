// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// right is one that Kubernetes gives to people.
type right struct{ verb, group, resource, subresource string }

func (r right) String() string {
	name := r.resource
	if r.subresource != "" {
		name += "/" + r.subresource
	}
	if r.group != "" {
		name += "." + r.group
	}
	return r.verb + " " + name
}

// The rights that commands need.
var (
	mayExec  = right{verb: "create", resource: "pods", subresource: "exec"}
	mayProxy = right{verb: "get", resource: "pods", subresource: "proxy"}
	mayEvict = right{verb: "create", resource: "pods", subresource: "eviction"}
)

// operatorRole is the ClusterRole that has all of them.
const operatorRole = "realtime-operator-people"

// may reports whether the person has a right in the namespace. If the API server does not say, the
// attempt will show it.
func (c *cluster) may(ctx context.Context, r right) bool {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: c.namespace, Verb: r.verb, Group: r.group, Resource: r.resource, Subresource: r.subresource,
		},
	}}
	answer, err := c.set.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	return err != nil || answer.Status.Allowed
}

// need returns an error that names the first right that the person does not have.
func (c *cluster) need(ctx context.Context, rights ...right) error {
	for _, r := range rights {
		if !c.may(ctx, r) {
			return fmt.Errorf("you may not %s in the namespace %s: have somebody bind the ClusterRole %s to you there", r, c.namespace, operatorRole)
		}
	}
	return nil
}
