// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/admission"
	"github.com/realtime-operator/realtime-operator/controllers/platform"
)

// These tests run the operator against a real API server, without kubelets and without the other
// controllers of a cluster: pods, and the status of Deployments, are written by the tests. Each
// test has a namespace of its own.

const (
	// unjudged labels a namespace whose services the webhook does not see.
	unjudged = "test.realtime-operator.io/unjudged"
	// patience is how long something may take that happens at once.
	patience = time.Minute
	system   = "default"
)

// cluster is an API server with the operator at work.
type cluster struct {
	client.Client // reads from the API server

	admin    *rest.Config
	gateways *fakeGateways
	applied  *counter
	// asked is what the operator has asked for, and granted what it may ask for.
	asked   *requests
	granted []right
	stop    func() error
}

// theCluster starts when the first test needs it, and ends with TestMain. Its operator looks after
// all namespaces.
var theCluster = sync.OnceValues(func() (*cluster, error) {
	c, err := startCluster(newRequests(), nil)
	running = c
	return c, err
})

// running is the cluster once it has started.
var running *cluster

func TestMain(m *testing.M) {
	handler := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetLogger(logr.FromSlogHandler(handler))
	code := m.Run()
	if running != nil {
		if err := running.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the cluster:", err)
			code = 1
		}
		for _, text := range running.asked.complaints(running.granted, code == 0 && allRan()) {
			fmt.Fprintln(os.Stderr, text)
			code = 1
		}
	}
	if free != nil {
		if err := free.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the free cluster:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// useCluster returns the cluster and a new namespace in it. The test runs beside others.
func useCluster(t *testing.T, labels ...string) (*cluster, string) {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: run `make test-go`, which builds an API server")
	}
	c, err := theCluster()
	if err != nil {
		t.Fatalf("starting the cluster: %v", err)
	}
	t.Parallel()
	return c, c.newNamespace(t, labels...)
}

func (c *cluster) newNamespace(t *testing.T, labels ...string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: map[string]string{}}}
	for _, label := range labels {
		namespace.Labels[label] = "true"
	}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// startCluster starts one whose operator looks after some namespaces, which it makes; none for all.
// Adapt changes it before it starts.
func startCluster(asked *requests, namespaces []string, adapt ...func(*envtest.Environment)) (*cluster, error) {
	environment := &envtest.Environment{
		CRDDirectoryPaths:        []string{"../config/crd/bases"},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStopTimeout:  time.Minute,
		ControlPlaneStartTimeout: time.Minute,
	}
	server := environment.ControlPlane.GetAPIServer().Configure()
	server.Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement")
	for _, change := range adapt {
		change(environment)
	}
	config, err := environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start an API server: %w", err), environment.Stop())
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	c := &cluster{Client: direct, admin: config, gateways: newFakeGateways(), applied: &counter{}, asked: asked}
	operator, err := c.operatorUser(environment, namespaces)
	if err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	stopOperator, err := c.startOperator(operator, namespaces)
	if err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	c.stop = func() error { return errors.Join(stopOperator(), environment.Stop()) }
	return c, nil
}

// operatorUser may do what config/rbac lets the operator do, and nothing else; with namespaces,
// which it makes, what the chart makes of that.
func (c *cluster) operatorUser(environment *envtest.Environment, namespaces []string) (*rest.Config, error) {
	const name = "realtime-operator"
	user, err := environment.AddUser(envtest.User{Name: name}, nil)
	if err != nil {
		return nil, fmt.Errorf("add a user: %w", err)
	}
	everywhere, here := &rbacv1.ClusterRole{}, &rbacv1.Role{}
	for file, role := range map[string]client.Object{"role": everywhere, "leader_election_role": here} {
		source, err := os.ReadFile("../config/rbac/" + file + ".yaml")
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(source, role); err != nil {
			return nil, err
		}
	}
	c.granted = append(rightsOf("", everywhere.Rules), rightsOf(system, here.Rules)...)
	roles := []*rbacv1.Role{{ObjectMeta: metav1.ObjectMeta{Name: here.Name, Namespace: system}, Rules: here.Rules}}
	if len(namespaces) > 0 {
		ofNoNamespace := func(rule rbacv1.PolicyRule) bool {
			return slices.Contains(rule.APIGroups, admissionv1.GroupName) || slices.Contains(rule.APIGroups, coordinationv1.GroupName) ||
				slices.Contains(rule.Resources, "ingressclasses") || slices.Contains(rule.Resources, "gateways")
		}
		for _, namespace := range namespaces {
			if err := c.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
				return nil, err
			}
			rules := slices.DeleteFunc(slices.Clone(everywhere.Rules), ofNoNamespace)
			roles = append(roles, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Rules: rules})
		}
		everywhere.Rules = slices.DeleteFunc(everywhere.Rules, func(rule rbacv1.PolicyRule) bool { return !ofNoNamespace(rule) })
	}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}}
	objects := []client.Object{everywhere, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: everywhere.Name},
		Subjects:   subjects,
	}}
	for _, role := range roles {
		objects = append(objects, role, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name, Namespace: role.Namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
			Subjects:   subjects,
		})
	}
	for _, object := range objects {
		if err := c.Create(context.Background(), object); err != nil {
			return nil, fmt.Errorf("let the operator do its work: %w", err)
		}
	}
	config := user.Config()
	config.QPS = -1 // as controller-runtime's own configuration has it
	c.asked.record(config)
	return config, nil
}

// startOperator runs the operator until the returned function is called, and waits until the API
// server can ask it.
func (c *cluster) startOperator(config *rest.Config, namespaces []string) (stop func() error, err error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	if err := c.installWebhook(ports[0]); err != nil {
		return nil, err
	}
	o := Options{
		GatewayImage:           "gateway:test",
		NATSImage:              "nats:test",
		LeaderElect:            true,
		MetricsBindAddress:     "0",
		HealthProbeBindAddress: fmt.Sprintf("127.0.0.1:%d", ports[1]),
		WebhookPort:            ports[0],
		WebhookServiceName:     "realtime-operator-webhook",
		PodNamespace:           system,
		WatchNamespaces:        namespaces,
		AssignedUserIDs:        platform.UserIDsAuto,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, over := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(over)
		ended <- run(ctx, config, o, func(p *parts) {
			p.hosts = []string{"127.0.0.1"}
			p.gateway, p.push = c.gateways.status, c.gateways.push
			p.manager = func(o *manager.Options) {
				o.NewClient = c.applied.newClient
				o.Controller.SkipNameValidation = ptr.To(true) // metrics are by name, and the process has several operators
			}
		})
	}()
	stop = func() error { cancel(); return <-ended }
	if err := awaitReady(o.HealthProbeBindAddress, ended); err != nil {
		cancel()
		<-over
		return nil, err
	}
	return stop, nil
}

func awaitReady(address string, ended <-chan error) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(time.Minute)
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("the operator has ended: %w", err)
		case <-deadline:
			return errors.New("the operator is not ready after a minute")
		case <-ticker.C:
		}
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// installWebhook installs config/webhook, with an address instead of a Service.
func (c *cluster) installWebhook(port int) error {
	source, err := os.ReadFile("../config/webhook/configuration.yaml")
	if err != nil {
		return err
	}
	configuration := &admissionv1.ValidatingWebhookConfiguration{}
	if err := yaml.UnmarshalStrict(source, configuration); err != nil {
		return err
	}
	for i := range configuration.Webhooks {
		w := &configuration.Webhooks[i]
		path, known := *w.ClientConfig.Service.Path, []string{admission.Path, admission.ScalePath}
		if path != known[i] {
			return fmt.Errorf("config/webhook asks at %s, and the operator answers at %s", path, known[i])
		}
		url := fmt.Sprintf("https://127.0.0.1:%d%s", port, path)
		w.ClientConfig = admissionv1.WebhookClientConfig{URL: &url}
		w.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: unjudged, Operator: metav1.LabelSelectorOpDoesNotExist},
		}}
	}
	return c.Create(context.Background(), configuration)
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // together, so that no port comes twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// counter counts what the operator applies in each namespace. Safe for concurrent use.
type counter struct {
	mu sync.Mutex
	n  map[string]int // guarded by mu
}

func (c *counter) newClient(config *rest.Config, options client.Options) (client.Client, error) {
	inner, err := client.NewWithWatch(config, options)
	if err != nil {
		return nil, err
	}
	return interceptor.NewClient(inner, interceptor.Funcs{
		Apply: func(ctx context.Context, inner client.WithWatch, object runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if o, ok := object.(interface{ GetNamespace() string }); ok {
				c.add(o.GetNamespace())
			}
			return inner.Apply(ctx, object, opts...)
		},
	}), nil
}

// listWithoutIndex lists from the API server what a cache would list by indexService.
func listWithoutIndex(ctx context.Context, inner client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	if options.FieldSelector != nil {
		if _, indexed := options.FieldSelector.RequiresExactMatch(indexService); indexed {
			options.FieldSelector = nil
		}
	}
	return inner.List(ctx, list, options)
}

func (c *counter) add(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[namespace]++
}

func (c *counter) in(namespace string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[namespace]
}

// eventually waits until look finds nothing amiss, and says what was last amiss if that takes
// longer than patience.
func eventually(t *testing.T, what string, look func() error) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(patience)
	for {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s: %v", patience, what, err)
		}
		<-ticker.C
	}
}

func want[T comparable](what string, got, wanted T) error {
	if got != wanted {
		return fmt.Errorf("%s is %v, want %v", what, got, wanted)
	}
	return nil
}

// contains is an error unless a text has all parts.
func contains(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("%q does not say %q", text, part)
		}
	}
	return nil
}
