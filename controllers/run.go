// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/admission"
	"github.com/realtime-operator/realtime-operator/controllers/apply"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/claims"
	"github.com/realtime-operator/realtime-operator/controllers/monitoring"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/updates"
)

// Run runs the operator. It returns when the context ends, or when the operator cannot continue: it
// has lost the leader election, or a port is in use. It sets the process's logger of Kubernetes
// libraries.
func Run(ctx context.Context, log *slog.Logger, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	logger := logr.FromSlogHandler(log.Handler())
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find a cluster: %w", err)
	}
	return run(ctx, config, o, nil)
}

// run is Run for a cluster. In tests, adapt replaces what a test cluster does not have.
func run(ctx context.Context, config *rest.Config, o Options, adapt func(*parts)) error {
	p := &parts{hosts: []string{fmt.Sprintf("%s.%s.svc", o.WebhookServiceName, o.PodNamespace)}, gateway: StatusOverHTTP(), push: PushOverTLS}
	if adapt != nil {
		adapt(p)
	}
	mgr, err := newManager(config, o, p)
	if err != nil {
		return err
	}
	assigned, err := o.AssignedUserIDs.Assigned(config)
	if err != nil {
		return err
	}
	collector := &monitoring.Collector{Services: mgr.GetClient(), Registry: metrics.Registry}
	p.keeper.Expires = func(at time.Time) { collector.Expires(monitoring.Webhook, types.NamespacedName{}, at) }
	if err := mgr.Add(collector); err != nil {
		return fmt.Errorf("set the metrics up: %w", err)
	}
	reconciler := &Reconciler{
		Client:       mgr.GetClient(),
		Reader:       mgr.GetAPIReader(),
		Events:       mgr.GetEventRecorder("realtime-operator"),
		Gateway:      p.gateway,
		Push:         p.push,
		Metrics:      collector,
		Now:          time.Now,
		GatewayImage: o.GatewayImage,
		NATSImage:    o.NATSImage,

		AssignedUserIDs: assigned,
		Namespace:       o.PodNamespace,
		Release:         o.Release,
		Turns:           updates.Turns{AtOnce: o.MaxConcurrentUpdates},
	}
	reconciler.Objects = &apply.Applier{Client: reconciler.Client, Reader: reconciler.Reader, Event: reconciler.event, Labels: resources.Identity, Now: reconciler.Now}
	reconciler.Claims = &claims.Claims{Client: reconciler.Client, Reader: reconciler.Reader, Self: o.claim(), Now: reconciler.Now}
	if err := reconciler.SetupWithManager(ctx, mgr); err != nil {
		return fmt.Errorf("set the controller up: %w", err)
	}
	if err := mgr.AddHealthzCheck("healthz", healthz.Ping); err != nil {
		return fmt.Errorf("set /healthz up: %w", err)
	}
	if err := addReadiness(mgr, o, p); err != nil {
		return fmt.Errorf("set /readyz up: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the operator: %w", err)
	}
	return nil
}

// parts are what a test can replace.
type parts struct {
	// hosts are the names by which the API server calls the webhook.
	hosts []string
	// gateway asks a gateway for its status.
	gateway StatusFunc
	// push pushes something to a gateway.
	push PushFunc
	// manager changes the manager's options, unless it is nil.
	manager func(*manager.Options)
	// keeper maintains the webhook's certificate. It is made with the manager.
	keeper *certificates.Keeper
}

func newManager(config *rest.Config, o Options, p *parts) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register types: %w", err)
		}
	}
	cached, err := cacheOptions(o.WatchNamespaces)
	if err != nil {
		return nil, fmt.Errorf("choose what to cache: %w", err)
	}
	p.keeper = &certificates.Keeper{
		Namespace:     o.PodNamespace,
		Secret:        o.WebhookServiceName + "-certificates",
		Configuration: o.name(),
		Hosts:         p.hosts,
		Now:           time.Now,
	}
	options := manager.Options{
		Scheme:                  scheme,
		Cache:                   cached,
		Metrics:                 metricsserver.Options{BindAddress: o.MetricsBindAddress},
		HealthProbeBindAddress:  o.HealthProbeBindAddress,
		LeaderElection:          o.LeaderElect,
		LeaderElectionID:        o.name(),
		LeaderElectionNamespace: o.PodNamespace,
		// The process ends when Run does, so the next leader need not wait for the lease to run
		// out.
		LeaderElectionReleaseOnCancel: true,
		WebhookServer: webhook.NewServer(webhook.Options{
			Port:    o.WebhookPort,
			TLSOpts: []func(*tls.Config){func(c *tls.Config) { c.GetCertificate = p.keeper.GetCertificate }},
		}),
	}
	if p.manager != nil {
		p.manager(&options)
	}
	mgr, err := manager.New(config, options)
	if err != nil {
		return nil, fmt.Errorf("set the operator up: %w", err)
	}
	if o.WebhookPort == 0 {
		return mgr, nil // a webhook server without handlers does not start
	}
	p.keeper.Reader, p.keeper.Writer = mgr.GetAPIReader(), mgr.GetClient()
	if err := mgr.Add(p.keeper); err != nil {
		return nil, fmt.Errorf("set the webhook's certificates up: %w", err)
	}
	admission.Register(mgr)
	return mgr, nil
}

func addReadiness(mgr ctrl.Manager, o Options, p *parts) error {
	if o.WebhookPort == 0 {
		return mgr.AddReadyzCheck("readyz", healthz.Ping)
	}
	started := mgr.GetWebhookServer().StartedChecker()
	return mgr.AddReadyzCheck("webhook", func(request *http.Request) error {
		if err := p.keeper.Ready(); err != nil {
			return err
		}
		return started(request)
	})
}
