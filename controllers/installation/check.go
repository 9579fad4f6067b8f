// SPDX-License-Identifier: Apache-2.0

// Package installation checks from the outside whether the operator is installed and at work, as
// `helm test` does.
package installation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// pace is the pause before a step is tried again.
const pace = 500 * time.Millisecond

// Check is a check of one installation.
type Check struct {
	// Client asks the API server, and reads nothing from a cache.
	Client client.Client
	// Namespace is one that the operator watches. Services are created there as a dry run, so
	// that none is stored.
	Namespace string
	// Lease is that of the operator's leader.
	Lease client.ObjectKey
	// Webhook is whether the installation has a webhook.
	Webhook bool
	// Out is told each step that succeeds, in a line.
	Out io.Writer
}

// step is one thing that an installation must do. Its error says what to do.
type step struct {
	does string
	try  func(context.Context) error
}

// OfThisCluster runs the check with a client for the cluster that the program runs in, or that its
// kubeconfig names.
func (c Check) OfThisCluster(ctx context.Context) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find a cluster: %w", err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{coordinationv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	// Its discovery fails while the CRD is not there, and is tried again at each request.
	c.Client, err = client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("make a client for the cluster: %w", err)
	}
	return c.Run(ctx)
}

// Run tries all steps, each until it succeeds. When the context ends, it returns what the step that
// has not succeeded lacks.
func (c Check) Run(ctx context.Context) error {
	steps := []step{{"the API server accepts a RealtimeService", c.accepts}}
	if c.Webhook {
		steps = append(steps, step{"the webhook refuses a RealtimeService that cannot run", c.refuses})
	}
	steps = append(steps, step{"the leader of the operator renews its Lease", c.leads()})
	for _, s := range steps {
		if err := until(ctx, s.try); err != nil {
			return fmt.Errorf("check that %s: %w", s.does, err)
		}
		if _, err := fmt.Fprintln(c.Out, s.does); err != nil {
			return err
		}
	}
	return nil
}

// until tries until it succeeds or the context ends, and returns the last error of its own.
func until(ctx context.Context, try func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pace, true, func(ctx context.Context) (bool, error) {
		err := try(ctx)
		if err != nil && (last == nil || ctx.Err() == nil) { // a request that was cut short says less
			last = err
		}
		return err == nil, nil
	})
	if err != nil && last != nil {
		return last
	}
	return err
}

func (c Check) accepts(ctx context.Context) error {
	err := c.create(ctx, "'welcome'")
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err) && strings.Contains(err.Error(), "namespaces"):
		return fmt.Errorf("create the namespace %s, which the operator is told to watch: %w", c.Namespace, err)
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return fmt.Errorf("install the CustomResourceDefinition of this release (crds.install): %w", err)
	case strings.Contains(err.Error(), "failed calling webhook"):
		return fmt.Errorf("let the API server reach port 9443 of the operator's pods: %w", err)
	}
	return err
}

func (c Check) refuses(ctx context.Context) error {
	err := c.create(ctx, "'welcome")
	switch {
	case err == nil:
		return errors.New("an expression that does not compile was accepted: is there the ValidatingWebhookConfiguration of this release?")
	case apierrors.IsInvalid(err) && strings.Contains(err.Error(), "admission webhook"):
		return nil
	}
	return err
}

// leads returns a step that succeeds when the Lease has changed since it was first seen. It ignores
// the times in the Lease, which are of another clock.
func (c Check) leads() func(context.Context) error {
	first := ""
	return func(ctx context.Context) error {
		var lease coordinationv1.Lease
		if err := c.Client.Get(ctx, c.Lease, &lease); err != nil {
			return fmt.Errorf("see why the operator's pods do not run: %w", err)
		}
		if first == "" {
			first = lease.ResourceVersion
		}
		if lease.ResourceVersion == first {
			return fmt.Errorf("see why the operator's pods do not run: nobody renews the Lease %s", c.Lease)
		}
		return nil
	}
}

// create creates a service as a dry run, with an expression that yields a room.
func (c Check) create(ctx context.Context, room string) error {
	return c.Client.Create(ctx, &v1alpha1.RealtimeService{
		ObjectMeta: metav1.ObjectMeta{Name: "installation-check", Namespace: c.Namespace},
		Spec: v1alpha1.RealtimeServiceSpec{Namespaces: []v1alpha1.Namespace{{
			Name:     "/",
			Handlers: []v1alpha1.Handler{{Event: "enter", Do: []v1alpha1.Action{{Join: v1alpha1.Expression(room)}}}},
		}}},
	}, client.DryRunAll)
}
