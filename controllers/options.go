// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"strings"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/platform"
)

// Options are the options of the operator.
type Options struct {
	// GatewayImage is the image of gateways of services that name none.
	GatewayImage string
	// NATSImage is the image of the NATS of services that name none.
	NATSImage string
	// LeaderElect makes several replicas elect the one that acts.
	LeaderElect bool
	// MetricsBindAddress is the address of the metrics; "0" for none.
	MetricsBindAddress string
	// HealthProbeBindAddress is the address of /healthz and /readyz.
	HealthProbeBindAddress string
	// WebhookPort is the port of the validating webhook; 0 for none.
	WebhookPort int
	// WebhookServiceName is the Service in front of the webhook. Without "-webhook" at its end, it
	// is the name of the ValidatingWebhookConfiguration.
	WebhookServiceName string
	// WatchNamespaces are the namespaces whose services are reconciled; none for all.
	WatchNamespaces []string
	// AssignedUserIDs says whether the cluster assigns the user and group ids of pods.
	AssignedUserIDs platform.UserIDs
	// Release is the operator's release.
	Release string
	// MaxConcurrentUpdates is how many services an update of the operator may change at the same
	// time; 0 for updates.DefaultAtOnce.
	MaxConcurrentUpdates int
	// PodNamespace is the namespace of the operator's pods.
	PodNamespace string
}

func (o Options) validate() error {
	switch {
	case o.GatewayImage == "":
		return errors.New("--gateway-image is empty: name the image of the gateways")
	case o.NATSImage == "":
		return errors.New("--nats-image is empty: name the image of NATS")
	case o.LeaderElect && o.PodNamespace == "":
		return errors.New("--leader-elect needs POD_NAMESPACE, the namespace that the operator runs in")
	case o.MaxConcurrentUpdates < 0:
		return errors.New("--max-concurrent-updates must be 1 or more")
	case o.WebhookPort != 0 && (o.WebhookServiceName == "" || o.PodNamespace == ""):
		return errors.New("--webhook-port needs --webhook-service-name and POD_NAMESPACE")
	}
	if err := o.AssignedUserIDs.Validate(); err != nil {
		return fmt.Errorf("--assigned-user-ids %w", err)
	}
	return nil
}

// name returns the name of the operator's installation.
func (o Options) name() string {
	if o.WebhookServiceName == "" {
		return "realtime-operator"
	}
	return strings.TrimSuffix(o.WebhookServiceName, "-webhook")
}

// claim returns how the installation claims services. Without a Lease, it claims none.
func (o Options) claim() v1alpha1.OperatorClaim {
	if !o.LeaderElect {
		return v1alpha1.OperatorClaim{}
	}
	claim := v1alpha1.OperatorClaim{Namespace: o.PodNamespace, Name: o.name(), Scope: v1alpha1.OperatorScopeCluster}
	if len(o.WatchNamespaces) > 0 {
		claim.Scope = v1alpha1.OperatorScopeNamespaces
	}
	return claim
}
