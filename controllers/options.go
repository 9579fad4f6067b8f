// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"strings"
)

// Options are what the operator is started with.
type Options struct {
	// GatewayImage runs the gateways of services that name no image.
	GatewayImage string
	// NATSImage runs the NATS of services that name none.
	NATSImage string
	// LeaderElect lets several replicas agree on one that acts.
	LeaderElect bool
	// MetricsBindAddress is where Prometheus comes; "0" for nowhere.
	MetricsBindAddress string
	// HealthProbeBindAddress is where /healthz and /readyz are.
	HealthProbeBindAddress string
	// WebhookPort is where the API server asks whether a service is valid; 0 for no webhook.
	WebhookPort int
	// WebhookServiceName is the Service in front of the webhook. Without "-webhook" at its end, it
	// is the name of the ValidatingWebhookConfiguration.
	WebhookServiceName string
	// WatchNamespaces are those whose services are looked after; none for all.
	WatchNamespaces []string
	// PodNamespace is where the operator runs.
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
	case o.WebhookPort != 0 && (o.WebhookServiceName == "" || o.PodNamespace == ""):
		return errors.New("--webhook-port needs --webhook-service-name and POD_NAMESPACE")
	}
	return nil
}

// name is that of the operator's installation.
func (o Options) name() string {
	if o.WebhookServiceName == "" {
		return "realtime-operator"
	}
	return strings.TrimSuffix(o.WebhookServiceName, "-webhook")
}
