// SPDX-License-Identifier: Apache-2.0

//go:build operator

package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/controllers"
	"github.com/realtime-operator/realtime-operator/controllers/installation"
)

func operatorCommand() *cobra.Command {
	o := controllers.Options{PodNamespace: os.Getenv("POD_NAMESPACE"), Release: version}
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Look after the RealtimeServices of a cluster",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(50) // what it caches of many services lives long, and it has time
			}
			return controllers.Run(cmd.Context(), logger(true), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.GatewayImage, "gateway-image", "", "image of gateways whose service names none; the operator's own will do")
	f.StringVar(&o.NATSImage, "nats-image", "", "image of the NATS of services that name none")
	f.StringVar((*string)(&o.AssignedUserIDs), "assigned-user-ids", "Auto", "whether the cluster assigns the user and group ids of pods: Auto (as on OpenShift), Always or Never")
	f.IntVar(&o.MaxConcurrentUpdates, "max-concurrent-updates", 1, "number of services whose pods an update of the operator replaces at the same time")
	f.BoolVar(&o.LeaderElect, "leader-elect", false, "agree with other replicas on one that acts")
	f.StringVar(&o.MetricsBindAddress, "metrics-bind-address", ":8080", "address for /metrics (0: none)")
	f.StringVar(&o.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "address for /healthz and /readyz")
	f.IntVar(&o.WebhookPort, "webhook-port", 9443, "port of the validating webhook (0: none)")
	f.StringVar(&o.WebhookServiceName, "webhook-service-name", "realtime-operator-webhook", "Service in front of the webhook; without -webhook, it is the name of the ValidatingWebhookConfiguration")
	f.StringArrayVar(&o.WatchNamespaces, "watch-namespace", nil, "namespace to look after; may be given several times (default: all)")
	cmd.AddCommand(checkCommand())
	return cmd
}

// checkCommand is what the pod of `helm test` runs.
func checkCommand() *cobra.Command {
	c := installation.Check{Lease: client.ObjectKey{Namespace: os.Getenv("POD_NAMESPACE")}}
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check from a pod whether the operator is installed and at work; helm test runs it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			c.Out = cmd.OutOrStdout()
			return c.OfThisCluster(ctx)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Lease.Name, "lease", "realtime-operator", "Lease of the operator's leader, in the namespace of the pod")
	f.StringVar(&c.Namespace, "namespace", c.Lease.Namespace, "namespace that the operator watches, for services that are created as a dry run")
	f.BoolVar(&c.Webhook, "webhook", true, "the installation has a webhook")
	f.DurationVar(&limit, "timeout", time.Minute, "how long it may take until all is well")
	return cmd
}
