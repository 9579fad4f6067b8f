// SPDX-License-Identifier: Apache-2.0

// Package claims decides which of several installations of the operator looks after a service.
//
// The installation writes its name into the service's status before it applies anything. Another
// one that finds a claim leaves the service alone as long as the Lease of the claim's installation
// is renewed, which its leader does in any case.
package claims

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const (
	// staleAfter is how long the Lease of an installation must have been unchanged before its
	// services are taken over. A leader renews it every two seconds; an installation that is
	// updated, or whose node is lost, is back sooner.
	staleAfter = 5 * time.Minute
	// lookPace bounds how often a Lease is read.
	lookPace = 10 * time.Second
)

// Claims claims services for one installation. Safe for concurrent use on different services.
type Claims struct {
	// Client writes the status of services.
	Client client.Client
	// Reader reads from the API server.
	Reader client.Reader
	// Self is this installation. One without a name claims nothing, and leaves alone what others
	// have claimed.
	Self v1alpha1.OperatorClaim
	// Now is the clock. It is compared with itself only.
	Now func() time.Time

	mu     sync.Mutex
	leases map[client.ObjectKey]sighting // guarded by mu
}

// sighting is what was seen of a Lease.
type sighting struct {
	// version is its resource version, which each renewal changes; empty if there is no Lease.
	version string
	// since is when this version was first seen, and looked when it was last seen.
	since, looked time.Time
}

// Take claims the service unless it is another's, which it returns. A conflict is an error.
func (c *Claims) Take(ctx context.Context, svc *v1alpha1.RealtimeService) (other *v1alpha1.OperatorClaim, err error) {
	claim := svc.Status.Operator
	if claim != nil && !c.mine(*claim) && !c.narrowerThan(*claim) {
		live, err := c.live(ctx, *claim)
		if err != nil || live {
			return claim, err
		}
	}
	if c.Self.Name == "" || claim != nil && *claim == c.Self {
		return nil, nil
	}
	return nil, c.write(ctx, svc)
}

func (c *Claims) mine(claim v1alpha1.OperatorClaim) bool {
	return claim.Namespace == c.Self.Namespace && claim.Name == c.Self.Name
}

// narrowerThan reports whether this installation was told to look after the namespace, and the
// other one looks after all.
func (c *Claims) narrowerThan(claim v1alpha1.OperatorClaim) bool {
	return c.Self.Scope == v1alpha1.OperatorScopeNamespaces && claim.Scope == v1alpha1.OperatorScopeCluster
}

// write claims the service. Of two installations that do so at once, one gets a conflict.
func (c *Claims) write(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	before := svc.DeepCopy()
	svc.Status.Operator = c.Self.DeepCopy()
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	err := c.Client.Status().Patch(ctx, svc, patch, client.FieldOwner(v1alpha1.FieldManager))
	if err != nil {
		return fmt.Errorf("claim the service: %w", err)
	}
	if svc.Status.Operator == nil {
		log.FromContext(ctx).Info("the CustomResourceDefinition is of an earlier release and drops status.operator: services cannot be claimed")
	}
	return nil
}

// live reports whether an installation is at work, as far as is known.
func (c *Claims) live(ctx context.Context, claim v1alpha1.OperatorClaim) (bool, error) {
	key, now := client.ObjectKey{Namespace: claim.Namespace, Name: claim.Name}, c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.leases[key]
	if !known || now.Sub(last.looked) >= lookPace {
		version, err := c.version(ctx, key)
		if err != nil {
			return false, err
		}
		if !known || version != last.version {
			last = sighting{version: version, since: now}
		}
		last.looked = now
		if c.leases == nil {
			c.leases = map[client.ObjectKey]sighting{}
		}
		c.leases[key] = last
	}
	return last.version != "" && now.Sub(last.since) < staleAfter, nil
}

// version returns the resource version of a Lease; empty if there is none.
func (c *Claims) version(ctx context.Context, key client.ObjectKey) (string, error) {
	lease := &coordinationv1.Lease{}
	err := c.Reader.Get(ctx, key, lease)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the Lease of operator %s: %w", key, err)
	}
	return lease.ResourceVersion, nil
}
